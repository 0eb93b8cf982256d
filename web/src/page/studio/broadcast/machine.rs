//! What a broadcast from the browser does when. Pure: events in, orders out.

/// Waits before a new try, longer and longer, while viewers see "Reconnecting". Milliseconds.
const BACKOFF_MS: [u64; 6] = [500, 1_000, 2_000, 4_000, 8_000, 15_000];

/// Where a broadcast is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It has not begun, or has been stopped.
    Ready,
    /// The server is being asked.
    Connecting,
    /// Media goes out.
    Live,
    /// The connection broke; it is tried again in a moment.
    Waiting,
    /// It cannot go on without the streamer.
    Failed(Failure),
}

/// Why it cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The stream key is not the stream's.
    BadKey,
    /// The server does not take what this browser sends.
    Rejected,
}

/// Why a session is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The connection, or the way to the server.
    Broken,
    /// The server has no room, and says when to ask again, in milliseconds.
    Busy(u64),
    /// For good.
    Failed(Failure),
}

/// What happens. Sessions and waits are told apart by their number: news of an old one changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The streamer wants to be live.
    Start,
    /// The streamer wants no more.
    Stop,
    /// What is sent can be sent only in a new session.
    Renew,
    /// Session number so is connected.
    Up(u32),
    /// Session number so is no more.
    Down(u32, Lost),
    /// Wait number so is over.
    Due(u32),
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Open a session under this number.
    Open(u32),
    /// End the session that there is.
    Close,
    /// Tell [`Event::Due`] with this number after so many milliseconds.
    Wait(u32, u64),
}

/// A broadcast.
#[derive(Debug)]
pub struct Machine {
    phase: Phase,
    /// Of the session or wait that counts.
    number: u32,
    /// In a row.
    failures: usize,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            phase: Phase::Ready,
            number: 0,
            failures: 0,
        }
    }
}

impl Machine {
    /// Where it is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What is to be done about it, in this order.
    pub fn step(&mut self, event: Event) -> Vec<Order> {
        match (self.phase, event) {
            (Phase::Ready | Phase::Failed(_), Event::Start) => {
                self.failures = 0;
                vec![self.open()]
            }
            (Phase::Ready, Event::Stop) => vec![],
            (_, Event::Stop) => {
                self.phase = Phase::Ready;
                self.number += 1;
                vec![Order::Close]
            }
            (Phase::Connecting | Phase::Live, Event::Renew) => vec![Order::Close, self.open()],
            (Phase::Connecting, Event::Up(number)) if number == self.number => {
                self.phase = Phase::Live;
                self.failures = 0;
                vec![]
            }
            (Phase::Connecting | Phase::Live, Event::Down(number, lost))
                if number == self.number =>
            {
                self.lose(lost)
            }
            (Phase::Waiting, Event::Due(number)) if number == self.number => vec![self.open()],
            _ => vec![],
        }
    }

    fn open(&mut self) -> Order {
        self.phase = Phase::Connecting;
        self.number += 1;
        Order::Open(self.number)
    }

    fn lose(&mut self, lost: Lost) -> Vec<Order> {
        self.number += 1;
        let at_least = match lost {
            Lost::Failed(failure) => {
                self.phase = Phase::Failed(failure);
                return vec![Order::Close];
            }
            Lost::Broken => 0,
            Lost::Busy(ms) => ms,
        };
        let backoff = BACKOFF_MS[self.failures.min(BACKOFF_MS.len() - 1)];
        self.failures += 1;
        self.phase = Phase::Waiting;
        vec![
            Order::Close,
            Order::Wait(self.number, backoff.max(at_least)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Machine {
        let mut machine = Machine::default();
        assert_eq!(machine.step(Event::Start), [Order::Open(1)]);
        assert_eq!(machine.step(Event::Up(1)), []);
        assert_eq!(machine.phase(), Phase::Live);
        machine
    }

    #[test]
    fn a_broken_connection_is_tried_again_at_growing_intervals() {
        let mut machine = live();
        let mut number = 1;
        for wait in [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000] {
            let orders = machine.step(Event::Down(number, Lost::Broken));
            assert_eq!(orders, [Order::Close, Order::Wait(number + 1, wait)]);
            assert_eq!(machine.phase(), Phase::Waiting);
            let orders = machine.step(Event::Due(number + 1));
            number += 2;
            assert_eq!(orders, [Order::Open(number)]);
        }
        machine.step(Event::Up(number));
        let orders = machine.step(Event::Down(number, Lost::Broken));
        assert_eq!(orders[1], Order::Wait(number + 1, 500), "it had been up");
    }

    #[test]
    fn a_busy_server_is_given_its_time() {
        let mut machine = live();
        let orders = machine.step(Event::Down(1, Lost::Busy(5_000)));
        assert_eq!(orders[1], Order::Wait(2, 5_000));
    }

    #[test]
    fn a_bad_key_ends_it_until_it_is_started_again() {
        let mut machine = live();
        let bad = Lost::Failed(Failure::BadKey);
        assert_eq!(machine.step(Event::Down(1, bad)), [Order::Close]);
        assert_eq!(machine.phase(), Phase::Failed(Failure::BadKey));
        assert_eq!(machine.step(Event::Due(2)), []);
        assert_eq!(machine.step(Event::Start), [Order::Open(3)]);
    }

    #[test]
    fn who_stops_hears_no_more_of_it() {
        let mut machine = live();
        assert_eq!(machine.step(Event::Stop), [Order::Close]);
        assert_eq!(machine.step(Event::Down(1, Lost::Broken)), []);
        assert_eq!(machine.phase(), Phase::Ready);
        let mut waiting = live();
        waiting.step(Event::Down(1, Lost::Broken));
        assert_eq!(waiting.step(Event::Stop), [Order::Close]);
        assert_eq!(waiting.step(Event::Due(2)), []);
    }

    #[test]
    fn news_of_an_old_session_change_nothing() {
        let mut machine = live();
        let renewed = machine.step(Event::Renew);
        assert_eq!(renewed, [Order::Close, Order::Open(2)]);
        assert_eq!(machine.step(Event::Down(1, Lost::Broken)), []);
        assert_eq!(machine.step(Event::Up(1)), []);
        assert_eq!(machine.phase(), Phase::Connecting);
        assert_eq!(machine.step(Event::Up(2)), []);
        assert_eq!(machine.phase(), Phase::Live);
        assert_eq!(machine.step(Event::Start), []);
    }
}
