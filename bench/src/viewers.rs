//! All viewers of a run, in threads that poll their sockets.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::mpsc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use tokio::task::JoinSet;

use crate::{
    cpu,
    endpoint::{Endpoint, Joined},
    recv::Receiver,
    viewer::{Reports, Scratch, Viewer, ViewerCounts, ViewerOffer},
};

/// How often a thread looks at what is due. Threads here poll on purpose: one that sleeps in
/// `epoll` must be woken by whoever sends; on loopback that is the server, and a viewer elsewhere
/// would not cost it that.
const TICK: Duration = Duration::from_millis(5);

/// The same while viewers connect, so that their handshakes do not wait for us.
const CONNECTING_TICK: Duration = Duration::from_millis(1);

/// Between two looks at a viewer's socket. A look costs a system call even when nothing waits; the
/// time of arrival comes from the kernel, so looking late flatters nothing. Half a feedback
/// interval, so that feedback is on time.
const LOOK: Duration = Duration::from_millis(25);

/// Between two feedbacks about transport-wide sequence numbers: libwebrtc sends them each 50 ms
/// above 11 kbit/s (5 % of the rate, at least each 250 ms).
pub(crate) const FEEDBACK: Duration = Duration::from_millis(50);

/// Most offers under way at once.
const JOINS_AT_ONCE: usize = 32;

/// How long the last viewer may take until it receives.
const RECEIVE_TIMEOUT: Duration = Duration::from_secs(30);

/// Between two looks at whether all receive.
const POLL: Duration = Duration::from_millis(100);

/// Places of viewers' reports in time: a prime number of nanoseconds apart.
const PHASE: u64 = 15_485_863;

/// How viewers join.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joining {
    pub(crate) viewers: usize,
    /// Offers a second.
    pub(crate) ramp: f64,
    pub(crate) threads: usize,
    /// The address that the server will see.
    pub(crate) local: IpAddr,
    /// Between two feedbacks for congestion control; zero: none.
    pub(crate) feedback: Duration,
    /// Give up when one viewer cannot join.
    pub(crate) all: bool,
}

/// One viewer's state.
#[derive(Debug, Clone, Default)]
pub(crate) struct ViewerReport {
    pub(crate) counts: ViewerCounts,
    pub(crate) profile: Option<String>,
    /// From the offer to the first media packet.
    pub(crate) join: Option<Duration>,
    pub(crate) receives: bool,
    pub(crate) failure: Option<String>,
}

/// A generator thread's state at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct ThreadReport {
    pub(crate) viewers: Vec<ViewerReport>,
    /// CPU time that it used.
    pub(crate) cpu: Duration,
    /// Longest time between two rounds since the last report.
    pub(crate) max_pause: Duration,
    /// Frames since the last report: the last arrival in nanoseconds since the Unix epoch, and how
    /// many viewers had it.
    pub(crate) frames: BTreeMap<u32, (u64, usize)>,
}

enum Command {
    Add(Box<Viewer>),
    Report(mpsc::Sender<ThreadReport>),
    Stop,
}

struct Thread {
    commands: mpsc::Sender<Command>,
    handle: Option<JoinHandle<()>>,
}

/// All viewers of a run.
pub(crate) struct Viewers {
    threads: Vec<Thread>,
    sessions: Vec<Joined>,
    /// Offers that were refused, with why.
    pub(crate) refused: Vec<String>,
}

impl Viewers {
    /// Joins them; comes back when all receive, or when the last had time enough.
    pub(crate) async fn join(endpoint: &Endpoint, joining: Joining) -> anyhow::Result<Self> {
        let threads = joining.threads.clamp(1, joining.viewers.max(1));
        let mut viewers = Self {
            threads: (0..threads)
                .map(Thread::start)
                .collect::<anyhow::Result<_>>()?,
            sessions: Vec::with_capacity(joining.viewers),
            refused: Vec::new(),
        };
        let start = tokio::time::Instant::now();
        let mut offers = JoinSet::new();
        let mut begun = 0;
        while begun < joining.viewers || !offers.is_empty() {
            let due = start + Duration::from_secs_f64(begun as f64 / joining.ramp.max(0.01));
            let may_begin = begun < joining.viewers && offers.len() < JOINS_AT_ONCE;
            tokio::select! {
                () = tokio::time::sleep_until(due), if may_begin => {
                    let offer = ViewerOffer::new(joining.local)?;
                    let reports = Reports {
                        phase: begun as u64 * PHASE,
                        feedback: joining.feedback.as_nanos() as u64,
                    };
                    offers.spawn(join(endpoint.clone(), offer, reports));
                    begun += 1;
                }
                Some(joined) = offers.join_next() => match joined? {
                    Ok((viewer, session)) => {
                        let thread = viewers.sessions.len() % viewers.threads.len();
                        viewers.sessions.push(session);
                        viewers.threads[thread].tell(Command::Add(Box::new(viewer)))?;
                    }
                    Err(error) if joining.all => return Err(error.context("a viewer was refused")),
                    Err(error) => viewers.refused.push(format!("{error:#}")),
                }
            }
        }
        viewers.wait_receiving(joining.all).await?;
        Ok(viewers)
    }

    /// The state of all threads now.
    pub(crate) fn report(&self) -> anyhow::Result<Vec<ThreadReport>> {
        // All are asked before any answers, so that their reports are of the same moment.
        let asked = self.threads.iter().map(|thread| {
            let (reply, answer) = mpsc::channel();
            thread.tell(Command::Report(reply)).map(|()| answer)
        });
        let asked: Vec<_> = asked.collect::<anyhow::Result<_>>()?;
        let answers = asked.into_iter().map(|answer| answer.recv());
        answers
            .collect::<Result<_, _>>()
            .context("a generator thread ended")
    }

    /// Ends all sessions.
    pub(crate) async fn leave(mut self) -> anyhow::Result<()> {
        // The threads first: they would take the end of a session for a failure.
        for thread in &mut self.threads {
            thread.stop();
        }
        for session in &self.sessions {
            session.end().await?;
        }
        Ok(())
    }

    async fn wait_receiving(&self, all: bool) -> anyhow::Result<()> {
        let deadline = Instant::now() + RECEIVE_TIMEOUT;
        loop {
            let reports = self.report()?;
            let viewers = || reports.iter().flat_map(|report| &report.viewers);
            if all && let Some(failure) = viewers().find_map(|viewer| viewer.failure.clone()) {
                bail!("a viewer failed: {failure}");
            }
            let settled = |viewer: &&ViewerReport| viewer.receives || viewer.failure.is_some();
            let waiting = self.sessions.len() - viewers().filter(settled).count();
            if waiting == 0 {
                return Ok(());
            }
            if Instant::now() > deadline {
                if !all {
                    return Ok(());
                }
                bail!(
                    "{waiting} of {} viewers do not receive {RECEIVE_TIMEOUT:?} after the last one joined",
                    self.sessions.len()
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

async fn join(
    endpoint: Endpoint,
    offer: ViewerOffer,
    reports: Reports,
) -> anyhow::Result<(Viewer, Joined)> {
    let (answer, session) = endpoint.offer(offer.sdp()).await?;
    Ok((offer.answered(&answer, reports)?, session))
}

impl Thread {
    fn start(number: usize) -> anyhow::Result<Self> {
        let (commands, inbox) = mpsc::channel();
        let handle = std::thread::Builder::new()
            .name(format!("viewers-{number}"))
            .spawn(move || Round::default().run(&inbox))?;
        Ok(Self {
            commands,
            handle: Some(handle),
        })
    }

    fn tell(&self, command: Command) -> anyhow::Result<()> {
        let told = self.commands.send(command);
        told.ok().context("a generator thread ended")
    }

    fn stop(&mut self) {
        // It may have ended by itself.
        let _ = self.commands.send(Command::Stop);
        if let Some(handle) = self.handle.take() {
            let _ = handle.join();
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A viewer in its thread.
struct Slot {
    viewer: Box<Viewer>,
    look: Instant,
    failure: Option<String>,
}

#[derive(Default)]
struct Round {
    slots: Vec<Slot>,
    frames: BTreeMap<u32, (u64, usize)>,
    max_pause: Duration,
}

impl Round {
    fn run(mut self, inbox: &mpsc::Receiver<Command>) {
        let mut receiver = Receiver::new();
        let mut scratch = Scratch::default();
        let mut last = Instant::now();
        loop {
            loop {
                match inbox.try_recv() {
                    Ok(Command::Add(viewer)) => self.slots.push(Slot {
                        viewer,
                        look: Instant::now(),
                        failure: None,
                    }),
                    // Nobody waits for the answer any more: nothing is lost.
                    Ok(Command::Report(reply)) => drop(reply.send(self.report())),
                    Ok(Command::Stop) | Err(mpsc::TryRecvError::Disconnected) => return,
                    Err(mpsc::TryRecvError::Empty) => break,
                }
            }
            let round = Instant::now();
            self.max_pause = self.max_pause.max(round - last);
            last = round;
            let connecting = self.turn(round, &mut receiver, &mut scratch);
            let tick = if connecting { CONNECTING_TICK } else { TICK };
            std::thread::sleep((round + tick).saturating_duration_since(Instant::now()));
        }
    }

    /// Looks at those whose time has come; true while one of them connects.
    fn turn(&mut self, now: Instant, receiver: &mut Receiver, scratch: &mut Scratch) -> bool {
        let mut connecting = false;
        let frames = &mut self.frames;
        for (number, slot) in self.slots.iter_mut().enumerate() {
            if slot.failure.is_some() || now < slot.look {
                continue;
            }
            let mut frame = |arrival: crate::viewer::FrameArrival| {
                let (last, viewers) = frames.entry(arrival.frame).or_default();
                *last = (*last).max(arrival.at);
                *viewers += 1;
            };
            if let Err(error) = slot.viewer.turn(receiver, scratch, &mut frame) {
                slot.failure = Some(format!("{error:#}"));
                continue;
            }
            if slot.viewer.connecting() {
                connecting = true;
            } else if slot.look + 2 * LOOK < now {
                // Late, or connected just now: each has its own place in time.
                slot.look = now + LOOK * (number % 5) as u32 / 5 + LOOK / 5;
            } else {
                slot.look += LOOK;
            }
        }
        connecting
    }

    fn report(&mut self) -> ThreadReport {
        let viewers = self.slots.iter().map(|slot| {
            let counts = slot.viewer.counts();
            let join = counts.first_media.checked_sub(slot.viewer.made());
            ViewerReport {
                counts,
                profile: slot.viewer.profile(),
                join: join.map(Duration::from_nanos),
                receives: slot.viewer.receives(),
                failure: slot.failure.clone(),
            }
        });
        ThreadReport {
            viewers: viewers.collect(),
            cpu: cpu::of_this_thread(),
            max_pause: std::mem::take(&mut self.max_pause),
            frames: std::mem::take(&mut self.frames),
        }
    }
}
