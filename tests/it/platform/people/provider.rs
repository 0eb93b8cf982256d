//! A small OpenID provider: discovery, keys, the page where one logs in (which logs in whoever comes), and
//! the exchange of codes, with PKCE.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    digest,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// The provider.
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

struct Inner {
    issuer: String,
    pkcs8: Vec<u8>,
    public: Vec<u8>,
    /// What is said of whoever logs in next.
    claims: Mutex<Value>,
    /// Codes that were given, with what they were asked for.
    codes: Mutex<HashMap<String, HashMap<String, String>>>,
}

pub const CLIENT_ID: &str = "weir-client";
pub const CLIENT_SECRET: &str = "s3cret of weir";

impl Provider {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap();
        let provider = Self(Arc::new(Inner {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            pkcs8: pkcs8.as_ref().to_vec(),
            public: key.public_key().as_ref().to_vec(),
            claims: Mutex::default(),
            codes: Mutex::default(),
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Whoever comes next is this one.
    pub fn next(&self, claims: Value) {
        *self.0.claims.lock().unwrap() = claims;
    }
}

async fn describe(State(Provider(it)): State<Provider>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", it.issuer);
    Json(json!({
        "issuer": it.issuer,
        "authorization_endpoint": at("/authorize"),
        "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

async fn keys(State(Provider(it)): State<Provider>) -> Json<Value> {
    // Uncompressed: 4, then both coordinates.
    let (x, y) = it.public[1..].split_at(32);
    Json(json!({"keys": [{
        "kty": "EC", "use": "sig", "alg": "ES256", "kid": "one", "crv": "P-256",
        "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
    }]}))
}

async fn authorize(
    State(Provider(it)): State<Provider>,
    Query(asked): Query<HashMap<String, String>>,
) -> Redirect {
    assert_eq!(asked["client_id"], CLIENT_ID);
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
    let code = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>());
    let back = format!(
        "{}?code={code}&state={}",
        asked["redirect_uri"], asked["state"]
    );
    it.codes.lock().unwrap().insert(code, asked);
    Redirect::to(&back)
}

async fn token(
    State(Provider(it)): State<Provider>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let refused =
        |error: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response();
    // RFC 6749 section 2.3.1: both are encoded as in a form first.
    let basic = headers[header::AUTHORIZATION].to_str().unwrap();
    let basic = STANDARD
        .decode(basic.strip_prefix("Basic ").unwrap())
        .unwrap();
    let expected = format!("{CLIENT_ID}:{}", CLIENT_SECRET.replace(' ', "+"));
    if String::from_utf8(basic).unwrap() != expected {
        return refused("invalid_client");
    }
    // A code is good once.
    let Some(asked) = it.codes.lock().unwrap().remove(&form["code"]) else {
        return refused("invalid_grant");
    };
    let proof = digest::digest(&digest::SHA256, form["code_verifier"].as_bytes());
    if URL_SAFE_NO_PAD.encode(proof.as_ref()) != asked["code_challenge"]
        || form["redirect_uri"] != asked["redirect_uri"]
    {
        return refused("invalid_grant");
    }
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut claims = json!({
        "iss": it.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 60, "nonce": asked["nonce"],
    });
    let said = it.claims.lock().unwrap().clone();
    for (name, value) in said.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let mut head = Header::new(Algorithm::ES256);
    head.kid = Some("one".into());
    let id_token =
        jsonwebtoken::encode(&head, &claims, &EncodingKey::from_ec_der(&it.pkcs8)).unwrap();
    Json(json!({"access_token": "a", "token_type": "Bearer", "id_token": id_token})).into_response()
}
