//! How secrets travel, and who relays.

use weir_protocol::{CheckCode as Code, CheckState as State, ConnectivityCheck};

use super::list;
use crate::doctor::{
    check,
    facts::{Certificate, Http, TurnServer},
};

pub fn turn(server: &TurnServer) -> Option<ConnectivityCheck> {
    Some(match server {
        // That it answers is said of its ports.
        TurnServer::Here => return None,
        TurnServer::Elsewhere => check(Code::TurnElsewhere, State::Ok, []),
        TurnServer::Off => check(Code::TurnOff, State::Warning, []),
        TurnServer::Missing(address) => {
            let values = [("address", address.to_string())];
            check(Code::TurnMissing, State::Problem, values)
        }
    })
}

pub fn http(http: &Http) -> Vec<ConnectivityCheck> {
    let secure_url = http
        .public_url
        .as_ref()
        .filter(|url| url.starts_with("https:"));
    let mut checks = vec![match secure_url {
        _ if http.allow_insecure => check(Code::PlainHttpInsecure, State::Problem, []),
        Some(url) if !http.speaks_tls && http.proxies.is_empty() => {
            check(Code::ProxyMissing, State::Problem, [("url", url.clone())])
        }
        _ if http.plain_and_public => check(Code::PlainHttpPublic, State::Warning, []),
        _ => check(Code::SecretsCovered, State::Ok, []),
    }];
    if !http.proxies.is_empty() {
        let everybody = http.proxies.iter().any(|network| network.ends_with("/0"));
        let (code, state) = match everybody {
            true => (Code::ProxiesEverybody, State::Problem),
            false => (Code::ProxiesTrusted, State::Ok),
        };
        checks.push(check(code, state, [("networks", list(&http.proxies))]));
    }
    checks
}

pub fn certificate(shown: &Result<Certificate, String>) -> ConnectivityCheck {
    let it = match shown {
        Ok(certificate) => certificate,
        Err(reason) => {
            let values = [("reason", reason.clone())];
            return check(Code::CertificateMissing, State::Problem, values);
        }
    };
    let name = ("name", it.name.clone());
    let days = ("days", it.days_left.to_string());
    if it.days_left < 0 || !it.has_begun {
        check(Code::CertificateEnded, State::Problem, [name])
    } else if it.self_signed {
        check(Code::CertificateSelfSigned, State::Warning, [name])
    } else if !it.fits {
        let names = ("names", list(&it.names));
        check(Code::CertificateOtherName, State::Problem, [name, names])
    } else if it.days_left < it.late_days {
        check(Code::CertificateEnding, State::Warning, [name, days])
    } else {
        check(Code::CertificateGood, State::Ok, [name, days])
    }
}
