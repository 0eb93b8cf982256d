//! What facts mean.

#![allow(clippy::unwrap_used)]

use weir_protocol::{CheckCode as Code, CheckState as State};

use super::*;
use crate::doctor::facts::{
    Addresses, Buffers, Certificate, Database, Disk, Http, OpenFiles, Place, Port, PortFacts,
    Service, Stun, Try, TurnServer,
};

fn ips(texts: &[&str]) -> Vec<std::net::IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn codes(facts: &Facts) -> Vec<(Code, State)> {
    let checks = judge(facts);
    for check in &checks {
        assert!(!check.meaning.contains('{'), "{}", check.meaning);
        let advice = check.advice.as_deref().unwrap_or_default();
        assert!(!advice.contains('{'), "{advice}");
        assert!(
            check.state == State::Ok || !advice.is_empty(),
            "{:?} says nothing to do",
            check.code
        );
    }
    checks.into_iter().map(|it| (it.code, it.state)).collect()
}

/// What is said with these facts beside what is always said.
fn said(change: impl FnOnce(&mut Facts)) -> Vec<(Code, State)> {
    let usual = Facts {
        turn: TurnServer::Here,
        ..Facts::default()
    };
    let always = codes(&usual);
    let mut facts = usual;
    change(&mut facts);
    let mut codes = codes(&facts);
    codes.retain(|it| !always.contains(it));
    codes
}

fn tried(service: Service, tries: &[(&str, Place, bool)]) -> PortFacts {
    let tries = tries.iter().map(|(address, place, answers)| Try {
        address: address.parse().unwrap(),
        place: *place,
        answered: match answers {
            true => Ok(()),
            false => Err("no answer".to_owned()),
        },
    });
    PortFacts {
        service,
        port: Port::Tried(tries.collect()),
    }
}

#[test]
fn a_port_is_closed_or_blocked_or_well() {
    let here = ("127.0.0.1:7882", Place::Here);
    let own = ("192.0.2.1:7882", Place::Own);
    let port = |here_answers, own_answers| {
        said(|facts| {
            facts.ports = vec![tried(
                Service::MediaUdp,
                &[(here.0, here.1, here_answers), (own.0, own.1, own_answers)],
            )];
        })
    };
    assert_eq!(port(true, true), [(Code::PortAnswers, State::Ok)]);
    assert_eq!(port(false, false), [(Code::PortClosed, State::Problem)]);
    assert_eq!(
        port(true, false),
        [
            (Code::PortAnswers, State::Ok),
            (Code::PortBlocked, State::Problem)
        ]
    );
}

#[test]
fn a_router_that_reflects_nothing_is_told_from_a_port_that_is_not_forwarded() {
    let ports = |tcp: bool| {
        let mut facts = Facts::default();
        let both = |service, answers| {
            let elsewhere = ("203.0.113.1:7882", Place::Elsewhere, answers);
            tried(service, &[("127.0.0.1:7882", Place::Here, true), elsewhere])
        };
        facts.ports = vec![both(Service::MediaUdp, false), both(Service::MediaTcp, tcp)];
        judge(&facts)
    };
    let nothing = ports(false);
    let hairpin = nothing.iter().find(|it| it.code == Code::HairpinMissing);
    let hairpin = hairpin.unwrap();
    assert_eq!(hairpin.values["ports"], "TCP 7882, UDP 7882");
    assert!(!nothing.iter().any(|it| it.code == Code::PortBlocked));
    let one = ports(true);
    assert!(!one.iter().any(|it| it.code == Code::HairpinMissing));
    let blocked = one.iter().find(|it| it.code == Code::PortBlocked).unwrap();
    assert_eq!(blocked.values["port"], "UDP 7882");
}

#[test]
fn without_a_server_a_port_is_free_or_taken() {
    let address = "0.0.0.0:1935".parse().unwrap();
    let port = |port| {
        said(|facts| {
            let service = Service::Rtmp;
            facts.ports = vec![PortFacts { service, port }];
        })
    };
    assert_eq!(port(Port::Free(address)), [(Code::PortFree, State::Ok)]);
    let taken = Port::Taken(address, "in use".to_owned());
    assert_eq!(port(taken), [(Code::PortTaken, State::Problem)]);
}

#[test]
fn addresses_are_compared_with_what_the_internet_sees() {
    let told = |told: &[&str], seen: Option<&[&str]>| {
        said(|facts| {
            facts.addresses = Addresses {
                told: ips(told),
                own: ips(&["10.0.0.5"]),
            };
            facts.stun = seen.map(|seen| Stun {
                servers: vec!["stun.example.org:3478".to_owned()],
                seen: seen.iter().map(|it| it.parse().unwrap()).collect(),
            });
        })
    };
    let v6 = (Code::Ipv6None, State::Ok);
    let private = (Code::AddressPrivate, State::Warning);
    assert_eq!(told(&["10.0.0.5"], None), [private, v6]);
    let public = (Code::AddressPublic, State::Ok);
    assert_eq!(told(&["10.0.0.5", "203.0.113.1"], None), [public, v6]);
    let answers = (Code::StunAnswers, State::Ok);
    assert_eq!(
        told(&["10.0.0.5"], Some(&["203.0.113.1:9"])),
        [(Code::AddressBehindNat, State::Problem), answers, v6]
    );
    // Another one than was said is as bad as none.
    assert_eq!(
        told(&["203.0.113.2"], Some(&["203.0.113.1:9"])),
        [(Code::AddressBehindNat, State::Problem), answers, v6]
    );
    assert_eq!(
        told(&["203.0.113.1"], Some(&["203.0.113.1:9", "203.0.113.1:10"])),
        [public, (Code::NatSymmetric, State::Warning), v6]
    );
    assert_eq!(
        told(&["203.0.113.1"], Some(&[])),
        [public, (Code::StunSilent, State::Warning), v6]
    );
    assert_eq!(
        told(&["203.0.113.1", "2001:db8::1"], None),
        [public, (Code::Ipv6Told, State::Ok)]
    );
}

#[test]
fn ipv6_that_nobody_is_told_of_is_said() {
    let codes = said(|facts| {
        facts.addresses = Addresses {
            told: ips(&["203.0.113.1"]),
            own: ips(&["203.0.113.1", "2001:db8::1", "fe80::1"]),
        };
    });
    assert!(codes.contains(&(Code::Ipv6Untold, State::Warning)));
}

#[test]
fn secrets_are_covered_or_not() {
    let http = |change: &dyn Fn(&mut Http)| -> Vec<(Code, State)> {
        let mut http = Http::default();
        change(&mut http);
        let facts = Facts {
            http,
            turn: TurnServer::Here,
            ..Facts::default()
        };
        codes(&facts)
    };
    assert_eq!(http(&|_| {}), [(Code::SecretsCovered, State::Ok)]);
    assert_eq!(
        http(&|it| it.plain_and_public = true),
        [(Code::PlainHttpPublic, State::Warning)]
    );
    assert_eq!(
        http(&|it| it.allow_insecure = true),
        [(Code::PlainHttpInsecure, State::Problem)]
    );
    let named = |it: &mut Http| it.public_url = Some("https://live.example.org/".to_owned());
    assert_eq!(http(&named), [(Code::ProxyMissing, State::Problem)]);
    assert_eq!(
        http(&|it| {
            named(it);
            it.proxies = vec!["10.0.0.0/8".to_owned()];
        }),
        [
            (Code::SecretsCovered, State::Ok),
            (Code::ProxiesTrusted, State::Ok)
        ]
    );
    assert_eq!(
        http(&|it| {
            named(it);
            it.proxies = vec!["0.0.0.0/0".to_owned()];
        })[1],
        (Code::ProxiesEverybody, State::Problem)
    );
}

#[test]
fn a_certificate_has_its_name_and_its_time() {
    let certificate = |change: &dyn Fn(&mut Certificate)| {
        let mut it = Certificate {
            name: "live.example.org".to_owned(),
            fits: true,
            names: vec!["live.example.org".to_owned()],
            self_signed: false,
            has_begun: true,
            days_left: 60,
            late_days: 15,
        };
        change(&mut it);
        said(|facts| facts.certificate = Some(Ok(it)))
    };
    assert_eq!(certificate(&|_| {}), [(Code::CertificateGood, State::Ok)]);
    assert_eq!(
        certificate(&|it| it.days_left = 3),
        [(Code::CertificateEnding, State::Warning)]
    );
    let ended = [(Code::CertificateEnded, State::Problem)];
    assert_eq!(certificate(&|it| it.days_left = -1), ended);
    assert_eq!(certificate(&|it| it.has_begun = false), ended);
    assert_eq!(
        certificate(&|it| it.fits = false),
        [(Code::CertificateOtherName, State::Problem)]
    );
    assert_eq!(
        certificate(&|it| it.self_signed = true),
        [(Code::CertificateSelfSigned, State::Warning)]
    );
    assert_eq!(
        said(|facts| facts.certificate = Some(Err("no handshake".to_owned()))),
        [(Code::CertificateMissing, State::Problem)]
    );
}

#[test]
fn the_machine_gives_what_is_needed() {
    let (fit, small) = (
        Buffers {
            bytes: 4,
            wanted: 4,
        },
        Buffers {
            bytes: 3,
            wanted: 4,
        },
    );
    let buffers = |it| said(|facts| facts.buffers = Some(it));
    assert_eq!(buffers(fit), [(Code::UdpBuffersFit, State::Ok)]);
    assert_eq!(buffers(small), [(Code::UdpBuffersSmall, State::Warning)]);
    let files = |limit| {
        let wanted = 10_000;
        said(|facts| facts.open_files = Some(OpenFiles { limit, wanted }))
    };
    assert_eq!(files(10_000), [(Code::OpenFilesFit, State::Ok)]);
    assert_eq!(files(1_024), [(Code::OpenFilesFew, State::Warning)]);
    let disk = |free| {
        let folder = "./data".to_owned();
        said(|facts| facts.disk = Some(Disk { folder, free }))
    };
    assert_eq!(disk(Ok(9 << 30)), [(Code::DiskRoom, State::Ok)]);
    assert_eq!(disk(Ok(900 << 20)), [(Code::DiskFull, State::Warning)]);
    assert_eq!(disk(Ok(9 << 20)), [(Code::DiskFull, State::Problem)]);
    assert_eq!(
        disk(Err("read-only".to_owned())),
        [(Code::DiskUnusable, State::Problem)]
    );
    let database = |milliseconds| {
        let kind = "PostgreSQL";
        said(|facts| facts.database = Some(Database { kind, milliseconds }))
    };
    assert_eq!(database(Ok(0.7)), [(Code::DatabaseAnswers, State::Ok)]);
    assert_eq!(
        database(Err("refused".to_owned())),
        [(Code::DatabaseSilent, State::Problem)]
    );
    let clock = |right| said(|facts| facts.clock_synchronised = Some(right));
    assert_eq!(clock(true), [(Code::ClockSynchronised, State::Ok)]);
    assert_eq!(clock(false), [(Code::ClockLoose, State::Warning)]);
    let gstreamer = |found| said(|facts| facts.gstreamer = Some(found));
    assert_eq!(
        gstreamer(Ok(vec![])),
        [(Code::GstreamerComplete, State::Ok)]
    );
    assert_eq!(
        gstreamer(Ok(vec!["x264enc".to_owned()])),
        [(Code::GstreamerIncomplete, State::Problem)]
    );
    assert_eq!(
        gstreamer(Err("crashed".to_owned())),
        [(Code::GstreamerBroken, State::Problem)]
    );
}

#[test]
fn there_is_a_way_for_strict_networks_or_not() {
    let turn = |server| said(|facts| facts.turn = server);
    assert_eq!(turn(TurnServer::Here), []);
    assert_eq!(turn(TurnServer::Off), [(Code::TurnOff, State::Warning)]);
    let elsewhere = [(Code::TurnElsewhere, State::Ok)];
    assert_eq!(turn(TurnServer::Elsewhere), elsewhere);
    let missing = TurnServer::Missing("0.0.0.0:3478".parse().unwrap());
    assert_eq!(turn(missing), [(Code::TurnMissing, State::Problem)]);
}
