//! What is done with each request before and after its handler.

use std::{net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header,
    uri::{Authority, PathAndQuery, Scheme},
};
use hyper::body::Incoming;

use crate::{
    activity::Activity,
    address::{are_neighbours, is_public},
    body::{BoxError, RequestBody, ResponseBody},
    certificates::Certificates,
    limits::Limits,
    proxies::TrustedProxies,
};

/// RFC 8555 section 8.3.
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// What is asked by plain HTTP on purpose: who looks whether the server is well does not follow
/// redirects, and need not know its name.
const ALSO_PLAIN: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Who sent a request; in its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The client's address, behind trusted proxies as they tell it; its port is then 0.
    pub address: SocketAddr,
    /// Whether the client spoke HTTPS, with us or with a trusted proxy.
    pub https: bool,
    /// Whether anybody on the way may have read the request: it is not HTTPS, and came from a public
    /// address that is not on the same link.
    pub exposed: bool,
}

/// Answers a request. Its URI is the target URI (RFC 9110 section 7.1) with scheme and authority as the
/// client used them, where it says to whom it speaks; a [`Client`] is in its extensions.
pub type Handler = Arc<
    dyn Fn(Request<RequestBody>) -> Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send>>
        + Send
        + Sync,
>;

/// Makes a handler of a function.
pub fn handler<F, R, B>(answer: F) -> Handler
where
    F: Fn(Request<RequestBody>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    Arc::new(move |request| {
        let response = answer(request);
        Box::pin(async move { response.await.map(ResponseBody::new) })
    })
}

/// What clients are told of HTTPS.
#[derive(Debug, Clone)]
pub struct Secure {
    /// The port under which the outside reaches it.
    pub port: u16,
    /// Whether the plain port sends browsers there.
    pub redirect: bool,
    /// For how long browsers shall use nothing else (RFC 6797); none: they are not told.
    pub hsts: Option<Duration>,
    /// As long as there is no certificate, nobody is sent anywhere.
    pub certificates: Arc<Certificates>,
}

/// Over what a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Plain,
    Tls,
    /// Plain HTTP on the port of TLS.
    Misdirected,
}

/// The two ends of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) transport: Transport,
}

/// Everything that requests are answered with.
pub(crate) struct Site {
    pub(crate) handler: Handler,
    pub(crate) proxies: TrustedProxies,
    pub(crate) secure: Option<Secure>,
    pub(crate) limits: Limits,
}

impl Site {
    pub(crate) async fn answer(
        &self,
        ends: Ends,
        activity: Arc<Activity>,
        request: Request<Incoming>,
    ) -> Response<ResponseBody> {
        let in_flight = activity.request(request.version() >= http::Version::HTTP_2);
        let client = self.client(ends, request.headers());
        let (mut parts, body) = request.into_parts();
        parts.uri = target(parts.uri, client.https, &parts.headers);
        if let Some(response) = self.own_answer(ends.transport, client, &parts) {
            return response.map(|body| body.belongs_to(in_flight));
        }
        let told_hsts = self.hsts(ends.transport, &parts.uri);
        parts.extensions.insert(client);
        let body = RequestBody::new(body, &self.limits);
        let mut response = (self.handler)(Request::from_parts(parts, body)).await;
        if let Some(value) = told_hsts {
            let headers = response.headers_mut();
            headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
        }
        response.map(|body| body.belongs_to(in_flight))
    }

    fn client(&self, ends: Ends, headers: &HeaderMap) -> Client {
        let tls = ends.transport == Transport::Tls;
        let origin = self.proxies.origin(ends.peer, tls, headers);
        let from = origin.address.ip();
        Client {
            address: origin.address,
            https: origin.https,
            exposed: !origin.https && is_public(from) && !are_neighbours(from, ends.local.ip()),
        }
    }

    /// What is answered before the handler is asked.
    fn own_answer(
        &self,
        transport: Transport,
        client: Client,
        request: &http::request::Parts,
    ) -> Option<Response<ResponseBody>> {
        let secure = self.secure.as_ref()?;
        if transport == Transport::Tls {
            return None;
        }
        let path = request.uri.path();
        if let Some(token) = path.strip_prefix(CHALLENGES)
            && let Some(answer) = secure.certificates.http_answer(token)
        {
            return Some(words(StatusCode::OK, answer));
        }
        let misdirected = transport == Transport::Misdirected;
        let stays = client.https || ALSO_PLAIN.contains(&path) || !secure.redirect;
        if !misdirected && (stays || !secure.certificates.is_there()) {
            return None;
        }
        match elsewhere(&request.uri, secure.port) {
            Some(location) => {
                let mut response = words(
                    StatusCode::PERMANENT_REDIRECT,
                    "This is served over HTTPS.\n",
                );
                response.headers_mut().insert(header::LOCATION, location);
                Some(response)
            }
            None => Some(words(
                StatusCode::BAD_REQUEST,
                "This port speaks TLS: ask with https.\n",
            )),
        }
    }

    /// Not told for addresses and `localhost`, where RFC 6797 section 8.1 has no use for it.
    fn hsts(&self, transport: Transport, uri: &Uri) -> Option<HeaderValue> {
        let age = self.secure.as_ref()?.hsts?.as_secs();
        let host = uri.host()?;
        let named = match url::Host::parse(host).ok()? {
            url::Host::Domain(name) => name != "localhost" && !name.ends_with(".localhost"),
            url::Host::Ipv4(_) | url::Host::Ipv6(_) => false,
        };
        (named && transport == Transport::Tls)
            .then(|| HeaderValue::try_from(format!("max-age={age}")).ok())?
    }
}

fn words(status: StatusCode, text: impl Into<bytes::Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::text(text));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// The target URI of a request. What has no path (CONNECT), or names nobody, stays as it is.
fn target(uri: Uri, https: bool, headers: &HeaderMap) -> Uri {
    let host = || -> Option<Authority> { headers.get(header::HOST)?.to_str().ok()?.parse().ok() };
    let Some(authority) = uri.authority().cloned().or_else(host) else {
        return uri;
    };
    let Some(path) = uri.path_and_query().filter(|path| path.as_str() != "*") else {
        return uri;
    };
    let scheme = match https {
        true => Scheme::HTTPS,
        false => Scheme::HTTP,
    };
    absolute(scheme, authority, path.clone()).unwrap_or(uri)
}

fn absolute(scheme: Scheme, authority: Authority, path: PathAndQuery) -> Option<Uri> {
    let whole = Uri::builder().scheme(scheme).authority(authority);
    whole.path_and_query(path).build().ok()
}

/// The same under HTTPS.
fn elsewhere(uri: &Uri, port: u16) -> Option<HeaderValue> {
    /// Of HTTPS, where none is named.
    const PORT: u16 = 443;
    let authority = uri.authority()?;
    if authority.as_str().contains('@') {
        return None;
    }
    let host = authority.host();
    let authority = match port {
        PORT => host.to_owned(),
        port => format!("{host}:{port}"),
    };
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    HeaderValue::try_from(format!("https://{authority}{path}")).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::proxies::ForwardingField;

    fn uri(uri: &'static str, host: &str, https: bool) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        target(Uri::from_static(uri), https, &headers).to_string()
    }

    #[test]
    fn the_target_is_whole() {
        assert_eq!(
            uri("/a?b=c", "live.example:8080", false),
            "http://live.example:8080/a?b=c"
        );
        assert_eq!(uri("/", "[::1]:8080", true), "https://[::1]:8080/");
        // HTTP/2, where the client also says the scheme, and may say what it likes.
        assert_eq!(uri("https://a.example/x", "b", false), "http://a.example/x");
        assert_eq!(uri("*", "a.example", true), "*");
        assert_eq!(uri("/x", "a b/c", true), "/x");
    }

    fn site(certificates: Arc<Certificates>) -> Site {
        Site {
            handler: handler(|_| async { Response::new(String::new()) }),
            proxies: TrustedProxies::private(ForwardingField::XForwarded),
            secure: Some(Secure {
                port: 8443,
                redirect: true,
                hsts: Some(Duration::from_secs(60)),
                certificates,
            }),
            limits: Limits::default(),
        }
    }

    fn parts(uri: &str) -> http::request::Parts {
        Request::get(uri).body(()).unwrap().into_parts().0
    }

    fn client(https: bool) -> Client {
        Client {
            address: SocketAddr::from(([203, 0, 113, 1], 0)),
            https,
            exposed: !https,
        }
    }

    #[test]
    fn plain_requests_are_sent_to_https_once_it_is_there() {
        let certificates = Certificates::new();
        let site = site(certificates.clone());
        let ask = |transport, https, uri: &str| {
            site.own_answer(transport, client(https), &parts(uri))
                .map(|response| {
                    let location = response.headers().get(header::LOCATION);
                    let location = location.map(|it| it.to_str().unwrap().to_owned());
                    (response.status(), location)
                })
        };
        let page = "http://live.example:8080/@demo?x=1";
        assert_eq!(ask(Transport::Plain, false, page), None, "no certificate");
        certificates.put_self_signed_for_test();
        let there = Some("https://live.example:8443/@demo?x=1".to_owned());
        let moved = Some((StatusCode::PERMANENT_REDIRECT, there));
        assert_eq!(ask(Transport::Plain, false, page), moved);
        assert_eq!(ask(Transport::Misdirected, false, page), moved);
        assert_eq!(ask(Transport::Plain, true, page), None, "by a proxy");
        assert_eq!(ask(Transport::Tls, true, page), None);
        assert_eq!(ask(Transport::Plain, false, "http://a/healthz"), None);
        let nobody = Some((StatusCode::BAD_REQUEST, None));
        assert_eq!(ask(Transport::Misdirected, false, "/x"), nobody);
        assert_eq!(ask(Transport::Plain, false, "http://u@a/x"), nobody);
        let challenge = "http://a/.well-known/acme-challenge/abc";
        let answered = |answer: Option<(StatusCode, _)>| answer.map(|it| it.0);
        assert_eq!(
            answered(ask(Transport::Plain, false, challenge)),
            Some(StatusCode::PERMANENT_REDIRECT)
        );
        certificates.expect_http("abc".into(), "abc.thumb".into());
        let ok = Some((StatusCode::OK, None));
        assert_eq!(ask(Transport::Plain, false, challenge), ok);
    }

    #[test]
    fn only_names_over_tls_are_told_of_hsts() {
        let site = site(Certificates::new());
        let told = |transport, uri: &str| site.hsts(transport, &uri.parse().unwrap()).is_some();
        assert!(told(Transport::Tls, "https://live.example/"));
        for uri in [
            "https://192.0.2.1/",
            "https://[::1]:8443/",
            "https://localhost/",
            "https://a.localhost/",
            "/",
        ] {
            assert!(!told(Transport::Tls, uri), "{uri}");
        }
        assert!(!told(Transport::Plain, "http://live.example/"));
    }

    #[test]
    fn what_crossed_the_internet_in_the_clear_is_exposed() {
        let site = site(Certificates::new());
        let exposed = |peer: &str, local: &str, transport, proto: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(proto) = proto {
                headers.insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
                headers.insert("x-forwarded-proto", proto.parse().unwrap());
            }
            let end = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 1);
            let ends = Ends {
                peer: end(peer),
                local: end(local),
                transport,
            };
            site.client(ends, &headers).exposed
        };
        let plain = Transport::Plain;
        assert!(exposed("203.0.113.1", "10.0.0.1", plain, None));
        assert!(!exposed("203.0.113.1", "10.0.0.1", Transport::Tls, None));
        assert!(!exposed("127.0.0.1", "127.0.0.1", plain, None));
        assert!(!exposed("192.168.1.7", "192.168.1.1", plain, None));
        // At home all have public addresses of IPv6.
        assert!(!exposed("2001:db8::7", "2001:db8::1", plain, None));
        assert!(exposed("2001:db8:1::7", "2001:db8::1", plain, None));
        assert!(
            !exposed("203.0.113.1", "203.0.113.1", plain, None),
            "itself"
        );
        assert!(exposed("127.0.0.1", "127.0.0.1", plain, Some("http")));
        assert!(!exposed("127.0.0.1", "127.0.0.1", plain, Some("https")));
        assert!(exposed("203.0.113.1", "10.0.0.1", plain, Some("https")));
    }
}
