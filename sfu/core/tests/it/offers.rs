//! Our own offers to viewers.

use std::time::Duration;

use str0m::change::SdpOffer;
use weir_sfu_core::OfferError;

use crate::world::{STREAM, Source, World, vp8};

fn on_air() -> World {
    let mut world = World::new(1);
    let publisher = world.publish(vp8());
    world.connect(publisher);
    Source::new(&world, publisher).play(&mut world, 200);
    world
}

/// Another client's answer.
fn answer(world: &World, offer: &str) -> String {
    let mut rtc = vp8().build(world.now);
    let offer = SdpOffer::from_sdp_string(offer).unwrap();
    let answer = rtc.sdp_api().accept_offer(offer).unwrap();
    answer.to_sdp_string()
}

#[test]
fn an_offer_of_ours_waits_thirty_seconds() {
    let mut world = on_air();
    let source = world.live.clone().unwrap();
    let [in_time, late, taken_back] = [(); 3].map(|()| world.session_id());
    let now = world.now;
    let offers = [in_time, late, taken_back].map(|id| {
        let offer = world.home().handle_ask_offer(now, STREAM, id, &source);
        offer.unwrap()
    });
    let answers = offers.map(|offer| answer(&world, &offer));
    assert!(world.home().handle_end(now, taken_back));
    assert_eq!(
        world.home().handle_answer(now, taken_back, &answers[2]),
        None
    );
    let soon = now + Duration::from_secs(29);
    let wrong = world.home().handle_answer(soon, in_time, "v=0");
    assert!(
        matches!(wrong, Some(Err(OfferError::Malformed(_)))),
        "{wrong:?}"
    );
    let begun = world.home().handle_answer(soon, in_time, &answers[0]);
    assert_eq!(begun, Some(Ok(())));
    let then = now + Duration::from_secs(30);
    assert_eq!(world.home().handle_answer(then, late, &answers[1]), None);
    assert!(
        world.home().handle_end(then, in_time),
        "a session as any other"
    );
}

#[test]
fn offers_without_answers_have_a_limit() {
    let mut world = on_air();
    let source = world.live.clone().unwrap();
    let mut last = None;
    for _ in 0..1_001 {
        let (now, id) = (world.now, world.session_id());
        last = Some(world.home().handle_ask_offer(now, STREAM, id, &source));
    }
    assert!(
        matches!(last, Some(Err(OfferError::Unavailable(_)))),
        "{last:?}"
    );
    // Once they are too old there is room again.
    let (then, id) = (world.now + Duration::from_secs(30), world.session_id());
    assert!(
        world
            .home()
            .handle_ask_offer(then, STREAM, id, &source)
            .is_ok()
    );
}
