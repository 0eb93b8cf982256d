//! How many requests a client may make in a while (GCRA), told by the header fields of
//! draft-ietf-httpapi-ratelimit-headers-11.
//!
//! Three kinds of requests count apart: reads, writes, and those that check or give credentials. Each
//! counts for the address that it comes from, and for the account or the API token that it goes by.

use std::{
    fmt::Write as _,
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
    num::NonZeroU32,
    time::Duration,
};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderName, HeaderValue, Method, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DashMapStateStore,
};
use ipnet::IpNet;
use weir_db::KeyHash;

use crate::{
    ApiError, App,
    auth::{self, AccessClaims, client::ClientAddress, cookies, pat},
    login_limit::network,
};

/// What limits are counted over.
const WINDOW_SECONDS: u32 = 60;

/// Clients remembered in each table, of some 100 bytes. When it is full of such that were there within
/// the window, all of them share [`SHARED`] counts: memory is bounded, and nobody goes uncounted.
const CAPACITY: usize = 100_000;

/// Counts that clients share when a table is full.
const SHARED: u64 = 1024;

/// Requests in a minute; 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerMinute {
    /// Those that change nothing.
    pub reads: u32,
    /// Those that do.
    pub writes: u32,
    /// Logging in, making accounts, refreshing, resetting passwords.
    pub logins: u32,
}

/// Limits of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsConfig {
    /// For each address; of IPv6 each /64.
    pub address: PerMinute,
    /// For each account and each API token.
    pub account: PerMinute,
    /// Networks that are not limited.
    pub exempt: Vec<IpNet>,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let loopback = ["127.0.0.0/8", "::1/128"];
        Self {
            // A whole audience may sit behind one address.
            address: PerMinute {
                reads: 6000,
                writes: 1200,
                logins: 120,
            },
            account: PerMinute {
                reads: 3000,
                writes: 600,
                logins: 60,
            },
            exempt: loopback.map(|it| it.parse().expect("a network")).to_vec(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Read,
    Write,
    Login,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Client {
    Address(IpAddr),
    /// The user's id, as a token says it.
    Account(String),
    Token([u8; 8]),
    Shared(u64),
}

/// The counts of everybody.
pub(crate) struct Limits {
    exempt: Vec<IpNet>,
    address: [Option<Table>; 3],
    account: [Option<Table>; 3],
}

impl Limits {
    pub(crate) fn new(config: &LimitsConfig) -> Self {
        let tables = |per: PerMinute, names: [&'static str; 3]| {
            [
                Table::new(names[0], per.reads),
                Table::new(names[1], per.writes),
                Table::new(names[2], per.logins),
            ]
        };
        Self {
            exempt: config.exempt.clone(),
            address: tables(
                config.address,
                ["read-address", "write-address", "login-address"],
            ),
            account: tables(
                config.account,
                ["read-account", "write-account", "login-account"],
            ),
        }
    }

    /// Counts a request; what each limit says of it.
    fn count(&self, class: Class, address: IpAddr, account: Option<Client>) -> Vec<Verdict> {
        let address = address.to_canonical();
        if self.exempt.iter().any(|net| net.contains(&address)) {
            return Vec::new();
        }
        let by_address = self.address[class as usize]
            .as_ref()
            .map(|table| table.count(Client::Address(network(address))));
        let by_account = self.account[class as usize]
            .as_ref()
            .zip(account)
            .map(|(table, account)| table.count(account));
        by_address.into_iter().chain(by_account).collect()
    }
}

type Gcra =
    RateLimiter<Client, DashMapStateStore<Client>, DefaultClock, StateInformationMiddleware>;

/// The counts of one limit.
struct Table {
    name: &'static str,
    quota: NonZeroU32,
    counts: Gcra,
    capacity: usize,
}

/// What a limit says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Verdict {
    name: &'static str,
    quota: u32,
    left: u32,
    /// How long to wait, when it is refused.
    wait: Option<Duration>,
}

impl Table {
    fn new(name: &'static str, per_minute: u32) -> Option<Self> {
        let quota = NonZeroU32::new(per_minute)?;
        let counts = RateLimiter::dashmap(Quota::per_minute(quota));
        Some(Self {
            name,
            quota,
            counts: counts.with_middleware::<StateInformationMiddleware>(),
            capacity: CAPACITY,
        })
    }

    fn count(&self, mut client: Client) -> Verdict {
        if self.counts.len() >= self.capacity {
            self.counts.retain_recent();
            if self.counts.len() >= self.capacity {
                let mut hasher = DefaultHasher::new();
                client.hash(&mut hasher);
                client = Client::Shared(hasher.finish() % SHARED);
            }
        }
        let (left, wait) = match self.counts.check_key(&client) {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(refusal) => {
                let wait = refusal.wait_time_from(DefaultClock::default().now());
                (0, Some(wait))
            }
        };
        Verdict {
            name: self.name,
            quota: self.quota.get(),
            left,
            wait,
        }
    }
}

/// Middleware that refuses what is too much, and tells everybody how much is left.
pub(crate) async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(ClientAddress(address)) = ClientAddress::from_request_parts(&mut parts, &app).await;
    let class = class_of(&parts.method, parts.uri.path());
    let account = account_of(&app, &parts);
    let verdicts = app.limits.count(class, address, account);
    let wait = verdicts.iter().filter_map(|verdict| verdict.wait).max();
    let mut response = match wait {
        Some(wait) => ApiError::TooManyRequests(wait).into_response(),
        None => next.run(Request::from_parts(parts, body)).await,
    };
    if !verdicts.is_empty() {
        let (policy, state) = fields(&verdicts);
        let headers = response.headers_mut();
        headers.insert(HeaderName::from_static("ratelimit-policy"), policy);
        headers.insert(HeaderName::from_static("ratelimit"), state);
    }
    response
}

/// The same for WHIP and WHEP (RFC 9725 section 5). An audience joins at once, often from one address:
/// what counts is how many reads it may make, and no account is asked for, since the bearer is a stream
/// key or a viewer token. The media plane bounds what is half open by itself.
pub(crate) async fn limit_sessions(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(ClientAddress(address)) = ClientAddress::from_request_parts(&mut parts, &app).await;
    let verdicts = app.limits.count(Class::Read, address, None);
    match verdicts.iter().filter_map(|verdict| verdict.wait).max() {
        Some(wait) => ApiError::TooManyRequests(wait).into_response(),
        None => next.run(Request::from_parts(parts, body)).await,
    }
}

fn class_of(method: &Method, path: &str) -> Class {
    const LOGINS: [&str; 6] = [
        "/api/v1/login",
        "/api/v1/register",
        "/api/v1/session/refresh",
        "/api/v1/password-reset",
        "/api/v1/email-confirmation",
        "/api/v1/me/password",
    ];
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Class::Read;
    }
    match LOGINS.iter().any(|login| path.starts_with(login)) {
        true => Class::Login,
        false => Class::Write,
    }
}

/// By which account or token a request goes. Only checked as far as it costs nothing: a token that is
/// made up counts for itself, and for its address as all do.
fn account_of(app: &App, parts: &Parts) -> Option<Client> {
    let cookie;
    let token = match auth::bearer(&parts.headers) {
        Some(token) => token,
        None => {
            cookie = cookies::access(&parts.headers)?;
            &cookie
        }
    };
    if token.starts_with(pat::PREFIX) {
        let mut hasher = DefaultHasher::new();
        KeyHash::of(token).hash(&mut hasher);
        return Some(Client::Token(hasher.finish().to_be_bytes()));
    }
    let claims = app
        .tokens
        .peek::<AccessClaims>(auth::USER_AUDIENCE, token)?;
    Some(Client::Account(claims.more.sub))
}

/// `RateLimit-Policy` and `RateLimit`. `t` is when all of the quota is there again.
fn fields(verdicts: &[Verdict]) -> (HeaderValue, HeaderValue) {
    let (mut policy, mut state) = (String::new(), String::new());
    for verdict in verdicts {
        let Verdict {
            name, quota, left, ..
        } = verdict;
        if !policy.is_empty() {
            policy += ", ";
            state += ", ";
        }
        let used = u64::from(quota.saturating_sub(*left));
        let again = (used * u64::from(WINDOW_SECONDS)).div_ceil(u64::from(*quota));
        // Writing into a text never fails.
        let _ = write!(policy, "\"{name}\";q={quota};w={WINDOW_SECONDS}");
        let _ = write!(state, "\"{name}\";r={left};t={again}");
    }
    let value = |text| HeaderValue::try_from(text).expect("plain ASCII");
    (value(policy), value(state))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn config(address: u32, account: u32) -> LimitsConfig {
        let all = |most| PerMinute {
            reads: most,
            writes: most,
            logins: most,
        };
        LimitsConfig {
            address: all(address),
            account: all(account),
            exempt: vec!["10.0.0.0/8".parse().unwrap()],
        }
    }

    fn ann() -> Option<Client> {
        Some(Client::Account("1".into()))
    }

    #[test]
    fn each_limit_counts_for_itself() {
        let limits = Limits::new(&config(3, 2));
        let (here, there) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let refused = |class, address, account| {
            let verdicts = limits.count(class, address, account);
            verdicts.iter().any(|verdict| verdict.wait.is_some())
        };
        assert!(!refused(Class::Read, here, ann()));
        assert!(!refused(Class::Read, here, ann()));
        assert!(refused(Class::Read, there, ann()), "the account is over");
        assert!(!refused(Class::Read, there, None));
        assert!(!refused(Class::Read, here, None));
        assert!(refused(Class::Read, here, None), "the address is over");
        assert!(!refused(Class::Write, here, ann()), "writes count apart");
    }

    #[test]
    fn some_are_exempt_and_zero_is_no_limit() {
        let limits = Limits::new(&config(1, 1));
        for _ in 0..5 {
            let address = "::ffff:10.1.2.3".parse().unwrap();
            assert_eq!(limits.count(Class::Read, address, ann()), []);
        }
        let limits = Limits::new(&config(0, 0));
        let address = "192.0.2.1".parse().unwrap();
        assert_eq!(limits.count(Class::Read, address, ann()), []);
    }

    #[test]
    fn fields_are_those_of_the_draft() {
        let verdicts = [
            Verdict {
                name: "read-address",
                quota: 100,
                left: 50,
                wait: None,
            },
            Verdict {
                name: "read-account",
                quota: 7,
                left: 0,
                wait: Some(Duration::from_secs(8)),
            },
        ];
        let (policy, state) = fields(&verdicts);
        assert_eq!(
            policy,
            "\"read-address\";q=100;w=60, \"read-account\";q=7;w=60"
        );
        assert_eq!(
            state,
            "\"read-address\";r=50;t=30, \"read-account\";r=0;t=60"
        );
    }

    #[test]
    fn tables_stay_bounded() {
        let mut table = Table::new("x", 1).unwrap();
        table.capacity = 100;
        for host in 0..10_000u32 {
            table.count(Client::Address(IpAddr::V4(host.into())));
        }
        let most = table.capacity + usize::try_from(SHARED).unwrap();
        assert!(table.counts.len() <= most, "{}", table.counts.len());
        let more = table.count(Client::Address("192.0.2.1".parse().unwrap()));
        assert!(more.wait.is_some(), "nobody goes uncounted");
    }

    #[test]
    fn classes() {
        assert_eq!(class_of(&Method::GET, "/api/v1/login"), Class::Read);
        assert_eq!(class_of(&Method::POST, "/api/v1/login/totp"), Class::Login);
        assert_eq!(class_of(&Method::DELETE, "/api/v1/session"), Class::Write);
        assert_eq!(class_of(&Method::PATCH, "/api/v1/me"), Class::Write);
    }
}
