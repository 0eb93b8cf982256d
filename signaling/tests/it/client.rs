use reqwest::{Method, Response, StatusCode, header};
use weir_protocol::ErrorCode;
use weir_signaling::{Asset, Assets, HttpConfig};

use crate::server::{Server, problem};

const PAGE: &[u8] = b"<!doctype html><title>Weir</title>";
const ACCOUNT: &[u8] = b"<!doctype html><title>Weir, account</title>";
const STUDIO: &[u8] = b"<!doctype html><title>Weir, studio</title>";

async fn server() -> Server {
    let page = Asset {
        path: "index.html",
        content_type: "text/html; charset=utf-8",
        raw: PAGE,
        brotli: Some(b"page in brotli"),
        gzip: Some(b"page in gzip"),
        immutable: false,
    };
    let account = Asset {
        path: "account.html",
        raw: ACCOUNT,
        brotli: None,
        gzip: None,
        ..page
    };
    let studio = Asset {
        path: "studio.html",
        raw: STUDIO,
        brotli: None,
        gzip: None,
        ..page
    };
    let code = Asset {
        path: "assets/weir-0123.wasm",
        content_type: "application/wasm",
        raw: b"code",
        brotli: None,
        gzip: Some(b"code in gzip"),
        immutable: true,
    };
    Server::start_with(
        Assets::new([page, account, studio, code]),
        HttpConfig::default(),
    )
    .await
}

async fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = server.request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn smallest_accepted_coding_is_sent() {
    let server = server().await;
    let table: &[(&str, &str, Option<&str>, &[u8])] = &[
        (
            "/",
            "gzip, deflate, br, zstd",
            Some("br"),
            b"page in brotli",
        ),
        ("/", "gzip", Some("gzip"), b"page in gzip"),
        ("/", "br;q=0, gzip;q=0.5", Some("gzip"), b"page in gzip"),
        ("/", "identity", None, PAGE),
        (
            "/assets/weir-0123.wasm",
            "br, gzip",
            Some("gzip"),
            b"code in gzip",
        ),
        ("/assets/weir-0123.wasm", "br", None, b"code"),
    ];
    for (path, accept, coding, body) in table {
        let response = get(&server, path, &[("accept-encoding", accept)]).await;
        assert_eq!(response.status(), StatusCode::OK);
        let got = response
            .headers()
            .get(header::CONTENT_ENCODING)
            .map(|it| it.to_str().unwrap());
        assert_eq!(got, *coding, "{path} {accept}");
        let vary = response.headers()[header::VARY]
            .to_str()
            .unwrap()
            .to_lowercase();
        assert!(vary.contains("accept-encoding"));
        assert_eq!(response.bytes().await.unwrap(), *body, "{path} {accept}");
    }
}

#[tokio::test]
async fn caching_follows_the_name() {
    let server = server().await;
    let code = get(&server, "/assets/weir-0123.wasm", &[]).await;
    assert_eq!(
        code.headers()[header::CACHE_CONTROL],
        "public, max-age=31536000, immutable"
    );
    assert_eq!(code.headers()[header::CONTENT_TYPE], "application/wasm");
    assert_eq!(code.headers()["x-content-type-options"], "nosniff");

    let page = get(&server, "/", &[]).await;
    assert_eq!(page.headers()[header::CACHE_CONTROL], "no-cache");
    let tag = page.headers()[header::ETAG].to_str().unwrap().to_owned();
    let again = get(&server, "/", &[("if-none-match", &tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers()[header::ETAG], tag.as_str());
    let brotli = get(
        &server,
        "/",
        &[("if-none-match", &tag), ("accept-encoding", "br")],
    )
    .await;
    assert_eq!(
        brotli.status(),
        StatusCode::OK,
        "another coding is another representation"
    );
}

#[tokio::test]
async fn page_stands_behind_every_address_of_the_client() {
    let server = server().await;
    server.stream("demo").await;
    let html = ("accept", "text/html,application/xhtml+xml");
    for (path, status) in [
        ("/", 200),
        ("/@demo", 200),
        ("/search", 200),
        ("/a/b", 200),
        ("/@nobody", 404),
        ("/@No", 404),
    ] {
        let response = get(&server, path, &[html]).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap();
        assert!(policy.contains("default-src 'self'"), "{policy}");
        assert!(
            policy.contains("script-src 'self' 'wasm-unsafe-eval';"),
            "{policy}"
        );
        assert_eq!(response.headers()[header::REFERRER_POLICY], "same-origin");
        let body = response.text().await.unwrap();
        // A stream's page also says where its frame is.
        let plain: String = body
            .lines()
            .filter(|line| !line.contains("+oembed\""))
            .collect();
        let page: String = std::str::from_utf8(PAGE).unwrap().lines().collect();
        assert_eq!(plain, page, "{path}");
        assert_eq!(body.contains("+oembed\""), path == "/@demo", "{path}");
    }
    // Not for programs, and not for what looks like an API.
    problem(
        get(&server, "/settings.js", &[("accept", "*/*")]).await,
        404,
        ErrorCode::NotFound,
    )
    .await;
    problem(
        get(&server, "/api/v2/x", &[html]).await,
        404,
        ErrorCode::NotFound,
    )
    .await;
    let posted = server.request(Method::POST, "/").send().await.unwrap();
    problem(posted, 405, ErrorCode::MethodNotAllowed).await;
}

#[tokio::test]
async fn each_address_gets_the_page_of_its_module() {
    let server = server().await;
    let html = ("accept", "text/html");
    for (path, page) in [
        ("/", PAGE),
        ("/search?q=jazz", PAGE),
        ("/login?next=/studio", ACCOUNT),
        ("/settings", ACCOUNT),
        ("/admin/users", ACCOUNT),
        ("/embed/nobody", PAGE),
        ("/@studio", PAGE),
        ("/studio", STUDIO),
        ("/studio?tab=keys", STUDIO),
        ("/studio/show/keys", STUDIO),
    ] {
        let response = get(&server, path, &[html]).await;
        let policy = response.headers().get(header::CONTENT_SECURITY_POLICY);
        assert!(policy.is_some(), "{path}");
        assert_eq!(response.bytes().await.unwrap(), page, "{path}");
    }
    // The files of a module lie beside those of all.
    let script = get(&server, "/studio.js", &[("accept", "*/*")]).await;
    problem(script, 404, ErrorCode::NotFound).await;
}

#[tokio::test]
async fn without_a_client_it_says_how_to_get_one() {
    let server = Server::start().await;
    let response = get(&server, "/", &[("accept", "text/html")]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.text().await.unwrap().contains("script/build"));
}

#[tokio::test]
async fn http_2_without_tls_is_taken() {
    let server = server().await;
    let http2 = reqwest::Client::builder()
        .http2_prior_knowledge()
        .build()
        .unwrap();
    let response = http2
        .get(format!("{}/healthz", server.base))
        .send()
        .await
        .unwrap();
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    assert_eq!(response.status(), StatusCode::OK);
    let response = server.get("/healthz").await;
    assert_eq!(response.version(), reqwest::Version::HTTP_11);
}

#[tokio::test]
async fn json_is_compressed_where_asked() {
    let server = server().await;
    for n in 0..5 {
        server.stream(&format!("stream-{n}")).await;
    }
    let response = get(
        &server,
        "/api/v1/streams",
        &[("accept-encoding", "br, gzip")],
    )
    .await;
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "br");
    let response = get(
        &server,
        "/api/v1/streams/stream-1/events",
        &[("accept-encoding", "br")],
    )
    .await;
    assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
}
