//! Whether what clients are told leads here.

use std::{collections::BTreeSet, net::IpAddr};

use weir_edge::is_public;
use weir_protocol::{CheckCode as Code, CheckState as State, ConnectivityCheck};

use super::list;
use crate::doctor::{
    check,
    facts::{Addresses, Stun},
};

pub fn judge(addresses: &Addresses, stun: Option<&Stun>) -> Vec<ConnectivityCheck> {
    let Addresses { told, own } = addresses;
    let mut checks = Vec::new();
    let seen = stun.map_or(&[][..], |stun| &stun.seen);
    let unknown = seen.iter().map(|it| it.ip().to_canonical());
    let unknown = unknown.filter(|ip| is_public(*ip) && !told.contains(ip));
    let public: Vec<&IpAddr> = told.iter().filter(|ip| is_public(**ip)).collect();
    let mut unknown: Vec<IpAddr> = unknown.collect();
    unknown.sort_unstable();
    unknown.dedup();
    if told.is_empty() {
        // Not known without a server.
    } else if let Some(address) = unknown.first() {
        let values = [("public", address.to_string()), ("addresses", list(told))];
        checks.push(check(Code::AddressBehindNat, State::Problem, values));
    } else if public.is_empty() {
        let values = [("addresses", list(told))];
        checks.push(check(Code::AddressPrivate, State::Warning, values));
    } else {
        let values = [("addresses", list(told))];
        checks.push(check(Code::AddressPublic, State::Ok, values));
    }
    checks.extend(stun.map(nat));
    if !told.is_empty() {
        checks.push(ipv6(told, own));
    }
    checks
}

fn nat(Stun { servers, seen }: &Stun) -> ConnectivityCheck {
    let ports = |v4: bool| -> BTreeSet<u16> {
        let same = seen.iter().filter(|it| it.is_ipv4() == v4);
        same.map(|it| it.port()).collect()
    };
    if seen.is_empty() {
        let values = [("servers", list(servers))];
        return check(Code::StunSilent, State::Warning, values);
    }
    if ports(true).len() > 1 || ports(false).len() > 1 {
        let values = [("seen", list(seen))];
        return check(Code::NatSymmetric, State::Warning, values);
    }
    let addresses: BTreeSet<IpAddr> = seen.iter().map(|it| it.ip()).collect();
    check(Code::StunAnswers, State::Ok, [("public", list(addresses))])
}

fn ipv6(told: &[IpAddr], own: &[IpAddr]) -> ConnectivityCheck {
    let public = |all: &[IpAddr]| {
        let mut public = all.iter().filter(|ip| ip.is_ipv6() && is_public(**ip));
        public.next().map(ToString::to_string)
    };
    match (public(told), public(own)) {
        (Some(address), _) => check(Code::Ipv6Told, State::Ok, [("address", address)]),
        (None, Some(address)) => check(Code::Ipv6Untold, State::Warning, [("address", address)]),
        (None, None) => check(Code::Ipv6None, State::Ok, []),
    }
}
