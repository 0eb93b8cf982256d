//! Repairs towards viewers who offer FlexFEC.

use crate::world::{FLEXFEC, Source, World, vp8};

#[test]
fn who_offers_it_gets_repairs_while_packets_are_lost() {
    let mut world = World::new(1);
    let publisher = world.publish(vp8());
    world.connect(publisher);
    let mut source = Source::new(&world, publisher);
    source.play(&mut world, 200);
    world.offers_flexfec = true;
    let viewer = world.view(0, vp8()).unwrap();
    let answer = world.clients[viewer].answer.clone();
    for line in [
        format!("a=rtpmap:{FLEXFEC} flexfec-03/90000"),
        format!("a=fmtp:{FLEXFEC} repair-window=10000000"),
        "a=ssrc-group:FEC-FR ".to_owned(),
    ] {
        assert!(answer.contains(&line), "{line} not in {answer}");
    }
    source.play(&mut world, 4_000);
    assert_eq!(world.repairs, 0, "nothing is lost");
    world.loss = 0.05;
    source.play(&mut world, 6_000);
    // 120 packets a second, of which a tenth is lost at most.
    let repairs = world.repairs;
    assert!((40..300).contains(&repairs), "{repairs}");
    world.loss = 0.0;
    source.play(&mut world, 20_000);
    let before = world.repairs;
    source.play(&mut world, 2_000);
    assert_eq!(world.repairs, before, "nothing is lost any more");
    let received = world.clients[viewer].received.len();
    assert!(received > 30 * 120, "{received}");
}

#[test]
fn who_does_not_offer_it_gets_none() {
    let mut world = World::new(1);
    let publisher = world.publish(vp8());
    world.connect(publisher);
    let mut source = Source::new(&world, publisher);
    source.play(&mut world, 200);
    let viewer = world.view(0, vp8()).unwrap();
    assert!(!world.clients[viewer].answer.contains("flexfec"));
    world.loss = 0.05;
    source.play(&mut world, 6_000);
    assert_eq!(world.repairs, 0);
}
