//! What the checks say, in the page's language.

use weir_protocol::{CheckCode as Code, ConnectivityCheck};

use crate::texts::connectivity as texts;

/// What was found, and what to open or to set.
pub fn words(check: &ConnectivityCheck) -> (String, Option<String>) {
    let value = |name: &str| check.values.get(name).map_or("", String::as_str);
    match check.code {
        Code::ConfigurationValid => (texts::configuration_valid().to_owned(), None),
        Code::ConfigurationInvalid => (
            texts::configuration_invalid(value("reason")),
            Some(texts::configuration_invalid_fix().to_owned()),
        ),
        Code::ServerRunning => (texts::server_running(value("address")), None),
        Code::ServerNotRunning => (
            texts::server_not_running(value("folder")),
            Some(texts::server_not_running_fix().to_owned()),
        ),
        Code::ServerSilent => (
            texts::server_silent(value("address"), value("reason")),
            Some(texts::server_silent_fix().to_owned()),
        ),
        Code::PortAnswers => (
            texts::port_answers(value("addresses"), service(check)),
            None,
        ),
        Code::PortClosed => (
            texts::port_closed(value("address"), value("reason"), service(check)),
            Some(texts::port_closed_fix().to_owned()),
        ),
        Code::PortBlocked => (
            texts::port_blocked(value("address"), service(check)),
            Some(texts::port_blocked_fix(value("port"))),
        ),
        Code::PortFree => (texts::port_free(value("address"), service(check)), None),
        Code::PortTaken => (
            texts::port_taken(value("address"), value("reason"), service(check)),
            Some(texts::port_taken_fix().to_owned()),
        ),
        Code::HairpinMissing => (
            texts::hairpin_missing(value("address")),
            Some(texts::hairpin_missing_fix(value("ports"))),
        ),
        Code::AddressPublic => (texts::address_public(value("addresses")), None),
        Code::AddressPrivate => (
            texts::address_private(value("addresses")),
            Some(texts::address_private_fix().to_owned()),
        ),
        Code::AddressBehindNat => (
            texts::address_behind_nat(value("addresses"), value("public")),
            Some(texts::address_behind_nat_fix(value("public"))),
        ),
        Code::StunSilent => (
            texts::stun_silent(value("servers")),
            Some(texts::stun_silent_fix().to_owned()),
        ),
        Code::StunAnswers => (texts::stun_answers(value("public")), None),
        Code::NatSymmetric => (
            texts::nat_symmetric(value("seen")),
            Some(texts::nat_symmetric_fix().to_owned()),
        ),
        Code::Ipv6Told => (texts::ipv6_told(value("address")), None),
        Code::Ipv6None => (texts::ipv6_none().to_owned(), None),
        Code::Ipv6Untold => (
            texts::ipv6_untold(value("address")),
            Some(texts::ipv6_untold_fix().to_owned()),
        ),
        Code::UdpBuffersFit => (texts::udp_buffers_fit().to_owned(), None),
        Code::UdpBuffersSmall => (
            texts::udp_buffers_small(value("bytes"), value("wanted")),
            Some(texts::udp_buffers_small_fix(value("wanted"))),
        ),
        Code::OpenFilesFit => (texts::open_files_fit(value("limit")), None),
        Code::OpenFilesFew => (
            texts::open_files_few(value("limit"), value("wanted")),
            Some(texts::open_files_few_fix().to_owned()),
        ),
        Code::SecretsCovered => (texts::secrets_covered().to_owned(), None),
        Code::PlainHttpPublic => (
            texts::plain_http_public().to_owned(),
            Some(texts::plain_http_public_fix().to_owned()),
        ),
        Code::PlainHttpInsecure => (
            texts::plain_http_insecure().to_owned(),
            Some(texts::plain_http_insecure_fix().to_owned()),
        ),
        Code::ProxyMissing => (
            texts::proxy_missing(value("url")),
            Some(texts::proxy_missing_fix().to_owned()),
        ),
        Code::ProxiesTrusted => (texts::proxies_trusted(value("networks")), None),
        Code::ProxiesEverybody => (
            texts::proxies_everybody(value("networks")),
            Some(texts::proxies_everybody_fix().to_owned()),
        ),
        Code::CertificateGood => (texts::certificate_good(value("days"), value("name")), None),
        Code::CertificateEnding => (
            texts::certificate_ending(value("days"), value("name")),
            Some(texts::certificate_ending_fix().to_owned()),
        ),
        Code::CertificateEnded => (
            texts::certificate_ended(value("name")),
            Some(texts::certificate_ended_fix().to_owned()),
        ),
        Code::CertificateOtherName => (
            texts::certificate_other_name(value("name"), value("names")),
            Some(texts::certificate_other_name_fix(value("name"))),
        ),
        Code::CertificateSelfSigned => (
            texts::certificate_self_signed(value("name")),
            Some(texts::certificate_self_signed_fix().to_owned()),
        ),
        Code::CertificateMissing => (
            texts::certificate_missing(value("reason")),
            Some(texts::certificate_missing_fix().to_owned()),
        ),
        Code::TurnElsewhere => (texts::turn_elsewhere().to_owned(), None),
        Code::TurnOff => (
            texts::turn_off().to_owned(),
            Some(texts::turn_off_fix().to_owned()),
        ),
        Code::TurnMissing => (
            texts::turn_missing(value("address")),
            Some(texts::turn_missing_fix().to_owned()),
        ),
        Code::ClockSynchronised => (texts::clock_synchronised().to_owned(), None),
        Code::ClockLoose => (
            texts::clock_loose().to_owned(),
            Some(texts::clock_loose_fix().to_owned()),
        ),
        Code::DiskRoom => (texts::disk_room(value("folder"), value("free")), None),
        Code::DiskFull => (
            texts::disk_full(value("folder"), value("free")),
            Some(texts::disk_full_fix().to_owned()),
        ),
        Code::DiskUnusable => (
            texts::disk_unusable(value("folder"), value("reason")),
            Some(texts::disk_unusable_fix().to_owned()),
        ),
        Code::DatabaseAnswers => (
            texts::database_answers(value("kind"), value("milliseconds")),
            None,
        ),
        Code::DatabaseSilent => (
            texts::database_silent(value("kind"), value("reason")),
            Some(texts::database_silent_fix().to_owned()),
        ),
        Code::GstreamerComplete => (texts::gstreamer_complete().to_owned(), None),
        Code::GstreamerIncomplete => (
            texts::gstreamer_incomplete(value("elements")),
            Some(texts::gstreamer_incomplete_fix().to_owned()),
        ),
        Code::GstreamerBroken => (
            texts::gstreamer_broken(value("reason")),
            Some(texts::gstreamer_broken_fix().to_owned()),
        ),
    }
}

fn service(check: &ConnectivityCheck) -> &str {
    let word = check.values.get("service").map_or("", String::as_str);
    match word {
        "http" => texts::service_http(),
        "https" => texts::service_https(),
        "rtmp" => texts::service_rtmp(),
        "rtmps" => texts::service_rtmps(),
        "media_udp" => texts::service_media_udp(),
        "media_tcp" => texts::service_media_tcp(),
        "turn_udp" => texts::service_turn_udp(),
        "turn_tcp" => texts::service_turn_tcp(),
        "turn_tls" => texts::service_turn_tls(),
        // Of a newer server.
        other => other,
    }
}
