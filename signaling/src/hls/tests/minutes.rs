//! Five minutes of a stream to which everything happens, in virtual time.

use super::{super::conformance::check_multivariant, *};

/// Deterministic, so that what fails once fails again (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What happened how often.
#[derive(Debug, Default)]
struct Counts {
    wakes: u32,
    sleeps: u32,
    crashes: u32,
    returns: u32,
    stalls: u32,
    silences: u32,
}

fn five_minutes(seed: u64) -> (Test, Counts) {
    let mut dice = Dice(seed);
    let mut counts = Counts::default();
    let mut test = Test::empty();
    test.reads_all = false;
    let mut encoder = 0;
    let mut name = String::from("0");
    test.start(ladder(4, true, 1.0), &name);
    test.seconds(3);
    let mut seconds = 3;
    while seconds < 300 {
        match dice.roll(12) {
            // A player comes to a rung, or the last one leaves it.
            0..=3 => {
                let rung = HlsTrack::Video(1 + u8::try_from(dice.roll(3)).unwrap());
                if test.awake.contains(&rung) {
                    counts.sleeps += 1;
                    test.sleep(rung);
                } else {
                    counts.wakes += 1;
                    test.wake(rung, &name);
                }
            }
            // The worker dies in the middle of a segment; another one goes on later.
            4 => {
                counts.crashes += 1;
                for track in test.awake.clone() {
                    for part in 0..dice.roll(4) {
                        let is_first = part == 0;
                        let at = test.at + part * 200_000;
                        test.part(track, at, 200_000, is_first, is_first);
                    }
                }
                test.at += 800_000 + 1_000 * dice.roll(900);
                encoder += 1;
                name = encoder.to_string();
                test.start(ladder(4, true, 1.0), &name);
            }
            // The publisher goes and comes back, with a timeline of its own.
            5 => {
                counts.returns += 1;
                test.stream.finish();
                test.look();
                test.stream.begin_broadcast();
                test.now += 1_000_000 + 1_000 * i64::try_from(dice.roll(8_000)).unwrap();
                test.at = 1_000 * dice.roll(100_000);
                test.zero = test.now - i64::try_from(test.at).unwrap();
                encoder += 1;
                name = encoder.to_string();
                test.start(ladder(4, true, 1.0), &name);
            }
            // The picture stands for longer than a segment may be.
            6 => {
                counts.stalls += 1;
                let stall = 2_000_000 + 1_000 * dice.roll(3_000);
                for track in test.awake.clone() {
                    test.part(track, test.at, 200_000, true, true);
                    test.part(track, test.at + 200_000, stall, false, false);
                }
                test.part(AUDIO, test.at, 170_667, true, true);
                test.at += 200_000 + stall;
            }
            // A second without sound.
            7 => {
                counts.silences += 1;
                for part in 0..5 {
                    for track in test.awake.clone() {
                        let at = test.at + part * 200_000;
                        test.part(track, at, 200_000, part == 0, part == 0);
                    }
                }
                test.at += 1_000_000;
                seconds += 1;
            }
            _ => {}
        }
        let steady = 1 + dice.roll(6);
        test.seconds(u32::try_from(steady).unwrap());
        seconds += steady;
        check_multivariant(&test.multivariant());
        let manifest = test.stream.manifest(test.now).unwrap();
        assert!(manifest.ends_with(b"</MPD>\n"));
    }
    (test, counts)
}

#[test]
fn five_minutes_of_everything_conform() {
    let (mut test, counts) = five_minutes(0x5eed);
    let all = [
        counts.wakes,
        counts.sleeps,
        counts.crashes,
        counts.returns,
        counts.stalls,
        counts.silences,
    ];
    assert!(all.iter().all(|count| *count >= 3), "{counts:?}");
    let list = test.list(VIDEO);
    assert!(list.duration() >= 30.0);
    assert!(
        list.segments.last().unwrap().run >= u64::from(counts.crashes + counts.returns),
        "{counts:?}"
    );
    // All that is encoded is at the same segment, whatever happened to it.
    let newest = list.segments.last().unwrap().msn;
    for track in test.awake.clone() {
        assert_eq!(test.list(track).segments.last().unwrap().msn, newest);
    }
}
