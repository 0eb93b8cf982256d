//! What was sent and not yet reported, as a ring.

/// Packets remembered, a power of two: 3 s of 2.5 Mbit/s with audio, 0.5 s of 20 Mbit/s. When full,
/// the oldest is forgotten: a report on it counts neither as an arrival nor as a loss.
pub(super) const CAPACITY: usize = 1_024;

/// A report later than this is of no use, and beyond half the wrap-around of a packet's time
/// (71 minutes) it would be misread.
const MAX_AGE_MICROS: u32 = 10_000_000;

/// One sent packet, eight bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sent {
    /// Microseconds since the estimator began, modulo 2³².
    pub at: u32,
    pub size: u16,
    /// Number of the probe it belongs to; 0: none.
    pub probe: u8,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    InFlight,
    Lost,
    Arrived,
}

/// What a report on one packet says that was not known.
#[derive(Debug, Clone, Copy)]
pub(super) enum News {
    Arrived(Sent),
    Lost,
    /// Arrived after it had been reported as lost: it was reordered.
    Late(Sent),
}

#[derive(Debug)]
pub(super) struct History {
    ring: Box<[Sent; CAPACITY]>,
    /// Number of the next packet; its low 16 bits are its transport-wide sequence number.
    next: u64,
}

impl History {
    pub(super) fn new() -> Self {
        Self {
            ring: Box::new([Sent::default(); CAPACITY]),
            next: 0,
        }
    }

    /// Remembers a packet; gives its number.
    pub(super) fn push(&mut self, at: u32, size: u16, probe: u8) -> u64 {
        let number = self.next;
        self.ring[number as usize % CAPACITY] = Sent {
            at,
            size,
            probe,
            state: State::InFlight,
        };
        self.next += 1;
        number
    }

    /// Takes a report; none when it tells nothing new or the packet is not (or no more) known.
    pub(super) fn report(&mut self, now: u32, seq: u16, arrived: bool) -> Option<(u64, News)> {
        let behind = u64::from((self.next as u16).wrapping_sub(seq));
        if behind == 0 || behind > CAPACITY as u64 || behind > self.next {
            return None;
        }
        let number = self.next - behind;
        let sent = &mut self.ring[number as usize % CAPACITY];
        if now.wrapping_sub(sent.at) > MAX_AGE_MICROS {
            return None;
        }
        let news = match (sent.state, arrived) {
            (State::InFlight, true) => {
                sent.state = State::Arrived;
                News::Arrived(*sent)
            }
            (State::InFlight, false) => {
                sent.state = State::Lost;
                News::Lost
            }
            (State::Lost, true) => {
                sent.state = State::Arrived;
                News::Late(*sent)
            }
            (State::Lost, false) | (State::Arrived, _) => return None,
        };
        Some((number, news))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_news_once_and_the_numbers_wrap() {
        let mut history = History::new();
        assert!(history.report(0, 0, true).is_none(), "nothing was sent");
        for number in 0..70_000_u64 {
            assert_eq!(history.push(number as u32, 1_000, 0), number);
        }
        let seq = |back: u64| (70_000 - back) as u16;
        let now = 70_000;
        assert!(matches!(
            history.report(now, seq(1), true),
            Some((69_999, News::Arrived(Sent { at: 69_999, .. })))
        ));
        assert!(history.report(now, seq(1), true).is_none(), "twice");
        assert!(matches!(
            history.report(now, seq(2), false),
            Some((69_998, News::Lost))
        ));
        assert!(history.report(now, seq(2), false).is_none());
        assert!(matches!(
            history.report(now, seq(2), true),
            Some((69_998, News::Late(_)))
        ));
        assert!(history.report(now, seq(1_024), true).is_some());
        assert!(history.report(now, seq(1_025), true).is_none(), "forgotten");
        assert!(history.report(now, seq(0), true).is_none(), "not yet sent");
        assert!(
            history.report(now + 11_000_000, seq(3), true).is_none(),
            "too old"
        );
    }
}
