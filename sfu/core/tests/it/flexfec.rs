//! Repairs towards viewers who offer FlexFEC.

use str0m::{
    RtcConfig,
    format::{Codec, FormatParams},
    media::Frequency,
};

use crate::world::{FLEXFEC, Source, World, vp8};

/// What str0m got again it does not report as lost, as browsers do; so it gets nothing again.
fn without_rtx() -> RtcConfig {
    let mut config = RtcConfig::new().clear_codecs().enable_opus(true, false);
    config.codec_config().add_config(
        96.into(),
        None,
        Codec::Vp8,
        Frequency::NINETY_KHZ,
        None,
        FormatParams::default(),
    );
    config
}

#[test]
fn who_offers_it_gets_repairs_while_packets_are_lost() {
    let mut world = World::new(1);
    let publisher = world.publish(vp8());
    world.connect(publisher);
    let mut source = Source::new(&world, publisher);
    source.play(&mut world, 200);
    world.offers_flexfec = true;
    let viewer = world.view(0, without_rtx()).unwrap();
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
    source.play(&mut world, 15_000);
    // str0m reports every 5 s. 120 packets a second, of which a tenth is lost at most.
    let repairs = world.repairs;
    assert!((60..300).contains(&repairs), "{repairs}");
    world.loss = 0.0;
    source.play(&mut world, 70_000);
    let before = world.repairs;
    source.play(&mut world, 6_000);
    assert_eq!(world.repairs, before, "nothing is lost any more");
    let received = world.clients[viewer].received.len();
    assert!(received > 90 * 120, "{received}");
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
