use super::*;
use crate::rtcp::{Rtcp, packets};

fn feedbacks(compound: &[u8]) -> Vec<Feedback<'_>> {
    packets(compound)
        .map(|packet| match packet.unwrap() {
            Rtcp::Twcc(feedback) => feedback,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Arrivals by sequence number in µs of the receiver's clock.
fn arrivals(feedback: &Feedback<'_>) -> Vec<(u16, Option<i64>)> {
    feedback
        .arrivals()
        .map(|(seq, time)| {
            let reference = i64::from(feedback.reference_time) * REFERENCE_TICKS;
            (seq, time.map(|time| (reference + time) * TICK_MICROS))
        })
        .collect()
}

#[test]
fn chunks_of_the_specification() {
    // Section 3.1.3's and 3.1.4's examples: a run of 221 lost packets; one lost, five received, three
    // lost, three received, two lost; one lost, one whose delta is large, three received, two lost.
    let body = [
        &[0; 8][..],
        &[
            0, 10, 0, 242, 0xff, 0xff, 0xff, 9, 0x00, 0xdd, 0x9f, 0x1c, 0xc9, 0x50,
        ],
        &[1; 8],
        &[0xff, 0xfe, 1, 1, 1],
    ]
    .concat();
    let feedback = Feedback::read(&body).unwrap();
    assert_eq!(
        (
            feedback.base_seq,
            feedback.count,
            feedback.fb_count,
            feedback.reference_time
        ),
        (10, 242, 9, -1)
    );
    let all: Vec<_> = feedback.arrivals().collect();
    assert_eq!(all.len(), 242);
    assert!(all[..222].iter().all(|(_, time)| time.is_none()));
    let times: Vec<_> = all[221..].iter().map(|(_, time)| *time).collect();
    let expected = [
        0, 1, 2, 3, 4, 5, 0, 0, 0, 6, 7, 8, 0, 0, 0, 6, 7, 8, 9, 0, 0,
    ]
    .map(|time| (time > 0).then_some(time));
    assert_eq!(times, expected);
    for cut in 0..body.len() {
        assert!(Feedback::read(&body[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn what_is_recorded_is_read_again() {
    let mut random = 1u64;
    let mut draw = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) % below
    };
    for loss in [0, 10, 50, 95] {
        let mut builder = FeedbackBuilder::new();
        let (mut time, mut out) = (5_000_000_000_i64, Vec::new());
        let first = 65_000u64;
        let mut sent = Vec::new();
        for seq in first..first + 3_000 {
            let gap = match draw(50) {
                0 => 200_000,
                1 => 9_000_000,
                _ => draw(20_000),
            };
            time += gap as i64;
            if draw(100) >= loss || seq == first || seq == first + 2_999 {
                builder.record(seq, time);
                sent.push((seq as u16, Some(time - time % TICK_MICROS)));
            } else {
                sent.push((seq as u16, None));
            }
            if draw(40) == 0 {
                builder.write(&mut out, 1, 2);
            }
        }
        builder.write(&mut out, 1, 2);
        assert_eq!(builder.write(&mut out, 1, 2), 0);
        let read = feedbacks(&out);
        let all: Vec<_> = read.iter().flat_map(arrivals).collect();
        assert_eq!(all, sent, "{loss}");
        for (n, feedback) in read.iter().enumerate() {
            assert_eq!((feedback.sender, feedback.media), (1, 2));
            assert_eq!(feedback.fb_count, n as u8);
        }
    }
}

#[test]
fn a_late_packet_is_reported_among_its_neighbours() {
    let mut builder = FeedbackBuilder::new();
    let mut out = Vec::new();
    for seq in [10, 12, 13] {
        builder.record(seq, 1_000_000 + seq as i64 * 1_000);
    }
    assert_eq!(builder.write(&mut out, 1, 2), 1);
    out.clear();
    builder.record(11, 1_020_000);
    builder.record(11, 9_000_000);
    assert_eq!(builder.write(&mut out, 1, 2), 1);
    assert_eq!(
        arrivals(&feedbacks(&out)[0]),
        [
            (11, Some(1_020_000)),
            (12, Some(1_012_000)),
            (13, Some(1_013_000))
        ]
    );
    // Far ahead, and then too far back to be told from the next cycle.
    out.clear();
    builder.record(90_000, 2_000_000);
    builder.record(11, 2_000_000);
    builder.write(&mut out, 1, 2);
    let last = feedbacks(&out).iter().flat_map(arrivals).last();
    assert_eq!(last, Some((90_000u32 as u16, Some(2_000_000))));
}

/// Found by fuzzing.
#[test]
fn more_losses_than_a_packet_has_statuses_come_before_the_first_arrival() {
    let mut builder = FeedbackBuilder::new();
    let mut out = Vec::new();
    builder.record(0, 0);
    builder.write(&mut out, 1, 2);
    out.clear();
    for seq in [900, 901, 1_500] {
        builder.record(seq, 1_000 * seq as i64);
    }
    assert_eq!(builder.write(&mut out, 1, 2), 2);
    let read = feedbacks(&out);
    assert_eq!(
        read.iter()
            .map(|feedback| feedback.count)
            .collect::<Vec<_>>(),
        [426, 599]
    );
    let received: Vec<_> = read
        .iter()
        .flat_map(arrivals)
        .filter(|(_, time)| time.is_some())
        .collect();
    assert_eq!(
        received,
        [
            (900, Some(900_000)),
            (901, Some(901_000)),
            (1_500, Some(1_500_000))
        ]
    );
}
