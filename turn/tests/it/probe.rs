//! How a server is looked at from outside.

use std::time::{Duration, SystemTime};

use weir_turn::{
    credentials,
    probe::{Answer, Probe},
};

use crate::{
    client::{PATIENCE, SECRET, Seen, Wire, start},
    until,
};

#[test]
fn a_probe_gets_an_allocation_and_gives_it_back() {
    let (turn, seen) = start();
    let credentials = |secret: &[u8]| {
        let minute = Duration::from_secs(60);
        credentials::issue(secret, "probe", SystemTime::now(), minute)
    };
    for mut wire in [Wire::udp(&turn), Wire::tcp(&turn)] {
        let (mut probe, first) = Probe::new(&credentials(SECRET));
        wire.send(&first);
        let Some(Answer::Ask(again)) = probe.handle(&wire.receive()) else {
            panic!("a nonce is given");
        };
        wire.send(&again);
        let Some(Answer::Allocated { release, .. }) = probe.handle(&wire.receive()) else {
            panic!("an allocation is given");
        };
        until("it is counted", || turn.stats().allocations == 1);
        wire.send(&release);
        let closed = seen.recv_timeout(PATIENCE).unwrap();
        assert!(matches!(closed, Seen::Closed(_)), "{closed:?}");
    }
    let (mut probe, first) = Probe::new(&credentials(b"south"));
    let mut wire = Wire::udp(&turn);
    wire.send(&first);
    let Some(Answer::Ask(again)) = probe.handle(&wire.receive()) else {
        panic!("a nonce is given");
    };
    wire.send(&again);
    assert_eq!(probe.handle(&wire.receive()), Some(Answer::Refused(401)));
    assert_eq!(probe.handle(b"something else"), None);
    turn.stop();
}
