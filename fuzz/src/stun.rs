//! The first look at a datagram: which protocol, and of STUN whose.

use std::net::SocketAddr;

use weir_rtp::{
    packet::{Protocol, classify},
    stun::{Message, binding_request, binding_response, is_stun},
};

/// The password of the RFC's sample, which is among the kept inputs (RFC 5769 section 2.1).
const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

/// One datagram.
pub fn run(datagram: &[u8]) {
    if is_stun(datagram) {
        assert_eq!(classify(datagram), Protocol::Stun);
    }
    let Some(message) = Message::parse(datagram) else {
        return;
    };
    assert!(!(message.is_request() && message.is_success()));
    if message.is_request() || message.is_success() {
        assert!(is_stun(datagram));
    }
    let transaction = message.transaction();
    assert_eq!(transaction[..], datagram[8..20]);
    if let Some((asked, asks)) = message.fragments() {
        assert!(asked.len() + asks.len() < datagram.len());
    }
    message.nominates();
    if message.is_authentic(PASSWORD) {
        assert!(!message.is_authentic("another password"));
    }
    if let Some(address) = message.mapped_address() {
        respond(&transaction, address);
    }
    let request = binding_request(&transaction);
    let again = Message::parse(&request).expect("a written request can be read");
    assert!(again.is_request());
    assert_eq!(again.transaction(), transaction);
}

fn respond(transaction: &[u8; 12], address: SocketAddr) {
    let response = binding_response(transaction, address);
    let again = Message::parse(&response).expect("a written response can be read");
    assert!(again.is_success());
    assert_eq!(again.transaction(), *transaction);
    assert_eq!(again.mapped_address(), Some(address));
}
