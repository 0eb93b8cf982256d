//! Who answers where.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use weir_protocol::{CheckCode as Code, CheckState as State, ConnectivityCheck};

use super::list;
use crate::doctor::{
    check,
    facts::{Place, Port, PortFacts, Try},
};

pub fn judge(ports: &[PortFacts]) -> Vec<ConnectivityCheck> {
    let unseen = unseen(ports);
    let mut checks: Vec<_> = ports.iter().flat_map(|it| of_port(it, &unseen)).collect();
    checks.extend(unseen.iter().map(|(address, ports)| {
        let values = [
            ("address", address.to_string()),
            (
                "ports",
                ports.iter().cloned().collect::<Vec<_>>().join(", "),
            ),
        ];
        check(Code::HairpinMissing, State::Warning, values)
    }));
    checks
}

/// Addresses elsewhere where nothing at all answers, and all that should. Whether nothing is passed on or
/// only not for this machine itself (a router without hairpin), cannot be told from here.
fn unseen(ports: &[PortFacts]) -> BTreeMap<IpAddr, BTreeSet<String>> {
    let mut found: BTreeMap<IpAddr, BTreeSet<String>> = BTreeMap::new();
    let mut answering = BTreeSet::new();
    for it in ports {
        let Port::Tried(tries) = &it.port else {
            continue;
        };
        for one in tries.iter().filter(|one| one.place == Place::Elsewhere) {
            let port = it.service.port(one.address.port());
            found.entry(one.address.ip()).or_default().insert(port);
            if one.answered.is_ok() {
                answering.insert(one.address.ip());
            }
        }
    }
    found.retain(|address, _| !answering.contains(address));
    found
}

fn of_port(
    PortFacts { service, port }: &PortFacts,
    unseen: &BTreeMap<IpAddr, BTreeSet<String>>,
) -> Vec<ConnectivityCheck> {
    let named = || ("service", service.word().to_owned());
    let tries = match port {
        Port::Free(address) => {
            let values = [named(), ("address", address.to_string())];
            return vec![check(Code::PortFree, State::Ok, values)];
        }
        Port::Taken(address, reason) => {
            let values = [
                named(),
                ("address", address.to_string()),
                ("reason", reason.clone()),
            ];
            return vec![check(Code::PortTaken, State::Problem, values)];
        }
        Port::Tried(tries) => tries,
    };
    let silent = |one: &&Try| one.answered.is_err();
    if let Some(Try {
        address,
        answered: Err(reason),
        ..
    }) = tries
        .iter()
        .filter(silent)
        .find(|it| it.place == Place::Here)
    {
        // Nowhere else could it answer either.
        let values = [
            named(),
            ("address", address.to_string()),
            ("reason", reason.clone()),
        ];
        return vec![check(Code::PortClosed, State::Problem, values)];
    }
    let answering = tries.iter().filter(|one| one.answered.is_ok());
    let values = [
        named(),
        ("addresses", list(answering.map(|one| one.address))),
    ];
    let mut checks = vec![check(Code::PortAnswers, State::Ok, values)];
    let blocked = tries
        .iter()
        .filter(silent)
        .filter(|one| !unseen.contains_key(&one.address.ip()));
    checks.extend(blocked.map(|one| {
        let values = [
            named(),
            ("address", one.address.to_string()),
            ("port", service.port(one.address.port())),
        ];
        check(Code::PortBlocked, State::Problem, values)
    }));
    checks
}
