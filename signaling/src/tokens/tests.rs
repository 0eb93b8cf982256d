#![allow(clippy::unwrap_used)]

use jsonwebtoken::EncodingKey;

use super::*;

const HOUR: Duration = Duration::from_secs(60 * 60);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Name {
    sub: String,
}

fn ann() -> Name {
    Name { sub: "ann".into() }
}

fn secrets(byte: u8) -> Secrets {
    Secrets {
        token_key: [byte; crate::TOKEN_KEY_BYTES],
    }
}

async fn database() -> (tempfile::TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&Db::sqlite_url(&folder.path().join("weir.db")))
        .await
        .unwrap();
    (folder, db)
}

async fn read(tokens: &Tokens, token: &str) -> Option<Name> {
    let claims = tokens.read::<Name>("weir:test", token).await.unwrap();
    claims.map(|claims| claims.more)
}

#[tokio::test]
async fn token_says_what_was_signed_until_it_ends() {
    let (_folder, db) = database().await;
    let tokens = Tokens::new(db, &secrets(1), HOUR);
    let (token, exp) = tokens.sign("weir:test", HOUR, ann()).await.unwrap();
    assert_eq!(read(&tokens, &token).await, Some(ann()));
    assert!((3590..=3600).contains(&(exp - seconds_now())));
    let (ended, _) = tokens
        .sign("weir:test", Duration::ZERO, ann())
        .await
        .unwrap();
    assert_eq!(read(&tokens, &ended).await, None);
    let other = tokens.read::<Name>("weir:other", &token).await.unwrap();
    assert!(other.is_none(), "a token is for one thing");
}

#[tokio::test]
async fn another_node_reads_them_and_another_secret_does_not() {
    let (_folder, db) = database().await;
    let one = Tokens::new(db.clone(), &secrets(1), HOUR);
    let (token, _) = one.sign("weir:test", HOUR, ann()).await.unwrap();
    let two = Tokens::new(db.clone(), &secrets(1), HOUR);
    assert_eq!(read(&two, &token).await, Some(ann()));
    let foreign = Tokens::new(db.clone(), &secrets(2), HOUR);
    assert_eq!(read(&foreign, &token).await, None);
    // It goes on with a key of its own.
    let (token, _) = foreign.sign("weir:test", HOUR, ann()).await.unwrap();
    assert_eq!(read(&foreign, &token).await, Some(ann()));
    let rows = db.token_keys().await.unwrap();
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn keys_are_replaced_on_schedule_and_old_ones_still_check() {
    let (_folder, db) = database().await;
    let tokens = Tokens::new(db.clone(), &secrets(1), Duration::from_millis(20));
    let (first, _) = tokens.sign("weir:test", HOUR, ann()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(40)).await;
    let (second, _) = tokens.sign("weir:test", HOUR, ann()).await.unwrap();
    assert_ne!(key_id(&first), key_id(&second));
    assert_eq!(read(&tokens, &first).await, Some(ann()));
    assert_eq!(read(&tokens, &second).await, Some(ann()));
    // A key goes only when its successor is older than any token.
    db.forget_token_keys(weir_millis() - millis(LONGEST_TOKEN))
        .await
        .unwrap();
    assert_eq!(db.token_keys().await.unwrap().len(), 2);
    db.forget_token_keys(i64::MAX).await.unwrap();
    assert_eq!(db.token_keys().await.unwrap().len(), 1);
    tokens.tend().await.unwrap();
    assert_eq!(read(&tokens, &first).await, None);
}

#[tokio::test]
async fn rotation_by_hand_reaches_running_nodes_and_can_end_all_tokens() {
    let (_folder, db) = database().await;
    let tokens = Tokens::new(db.clone(), &secrets(1), HOUR);
    let (old, _) = tokens.sign("weir:test", HOUR, ann()).await.unwrap();
    let kid = rotate_token_keys(&db, &secrets(1), false).await.unwrap();
    tokens.tend().await.unwrap();
    let (new, _) = tokens.sign("weir:test", HOUR, ann()).await.unwrap();
    assert_eq!(key_id(&new), Some(kid));
    assert_eq!(read(&tokens, &old).await, Some(ann()));
    rotate_token_keys(&db, &secrets(1), true).await.unwrap();
    tokens.tend().await.unwrap();
    assert_eq!(read(&tokens, &old).await, None);
    assert_eq!(read(&tokens, &new).await, None);
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let (_folder, db) = database().await;
    let tokens = Tokens::new(db, &secrets(1), HOUR);
    let (token, _) = tokens.sign("weir:test", HOUR, ann()).await.unwrap();
    for bad in ["", "not.a.token", &format!("{token}x"), &token[1..]] {
        assert_eq!(read(&tokens, bad).await, None, "{bad}");
    }
    let parts: Vec<&str> = token.split('.').collect();
    // RFC 8725 section 3.1: an unsigned token must not pass.
    let none = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
    assert_eq!(read(&tokens, &none).await, None);
    // The right name of a key does not make it one's own.
    let mut header = Header::new(Algorithm::HS256);
    header.kid = key_id(&token);
    let claims = Claims {
        iss: ISSUER.into(),
        aud: "weir:test".into(),
        iat: seconds_now(),
        exp: seconds_now() + 60,
        jti: "1".into(),
        more: ann(),
    };
    let forged =
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&[1; 32])).unwrap();
    assert_eq!(read(&tokens, &forged).await, None);
}
