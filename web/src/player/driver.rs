//! Joins the state machine to the browser: one task, one inbox, no other way in.

mod act;
mod listen;
mod past;
mod rtc;

use dioxus::prelude::*;
use futures_channel::mpsc;
use futures_util::StreamExt as _;
use gloo_timers::{callback::Interval, future::TimeoutFuture};
use wasm_bindgen_futures::spawn_local;
use weir_protocol::{SelectLayer, StreamSlug, StreamSummary};

use self::listen::listen;
use super::{
    delay,
    dvr::Window,
    health::Looks,
    hls::{HlsEvent, HlsPlayer, HlsSession, Show},
    machine::Machine,
    qoe::{Look, Qoe},
    quality,
    stage::Stage,
    ui::{Action, Ui},
    whep::{RtcStats, WhepNews, WhepSession},
    words::{Command, DvrNews, HlsNews, Phase, Presence, RtcId, RtcNews, Transport},
};
use crate::{
    api::{self, TimeSample},
    clock::ServerClock,
    dom,
    feed::{Feed, FeedNews},
    options::Options,
};

/// Events that may wait. The task runs after each browser event, so a few are there at most; should it ever be full,
/// the event is dropped, and the next tick looks at the same state again.
const INBOX: usize = 256;
/// How often time is looked at. Milliseconds.
const TICK_MS: u32 = 250;
/// Statistics and delay are read every so many ticks.
const TICKS_PER_LOOK: u32 = 2;
/// The stream's layers are asked for this often: a publisher adds and drops them as its network allows. Milliseconds.
const LAYERS_AGAIN_MS: f64 = 5_000.0;
/// Questions for the server's clock at the start, and the pause between them in milliseconds.
const CLOCK_BURST: (u32, u32) = (4, 250);
/// Then again every so often. Milliseconds.
const CLOCK_AGAIN_MS: f64 = 30_000.0;

/// Everything that can happen to the player.
enum Event {
    Tick,
    Feed(FeedNews),
    Rtc(RtcId, WhepNews),
    Hls(HlsEvent),
    Dvr(HlsEvent),
    Clock(TimeSample),
    Action(Action),
    /// Whether the browser refuses sound.
    Sound {
        blocked: bool,
    },
    /// An element was paused or started by other means than our buttons: media keys, the floating window.
    Element {
        transport: Transport,
        paused: bool,
    },
    Visibility,
    Wake,
    Leave,
}

/// How the view reaches the driver.
#[derive(Clone)]
pub struct Remote(mpsc::Sender<Event>);

impl Remote {
    /// Tells what the viewer did.
    pub fn act(&self, action: Action) {
        self.send(Event::Action(action));
    }

    fn send(&self, event: Event) {
        // Full: see INBOX. Closed: the page has moved on.
        let _ = self.0.clone().try_send(event);
    }
}

/// The other end of a [`Remote`].
pub struct Inbox(mpsc::Receiver<Event>);

/// A remote control and what it controls.
pub fn channel() -> (Remote, Inbox) {
    let (sender, receiver) = mpsc::channel(INBOX);
    (Remote(sender), Inbox(receiver))
}

struct Driver {
    slug: StreamSlug,
    options: Options,
    stage: Stage,
    machine: Machine,
    rtc: Option<(RtcId, WhepSession)>,
    hls: Option<HlsSession>,
    dvr: Option<HlsSession>,
    /// What one can go back to. After the end of the broadcast, what it was then.
    window: Option<Window>,
    /// The date that the viewer goes to, until the past plays there.
    aim_ms: Option<f64>,
    /// It was told a second time: it had missed.
    aimed_again: bool,
    clock: ServerClock,
    next_clock_ms: f64,
    /// What the receivers had counted at the last look.
    counted: RtcStats,
    looks: Looks,
    qoe: Qoe,
    /// When HLS was asked for, by [`now`].
    hls_asked: u64,
    /// Somebody looks at the numbers.
    watched: bool,
    /// What the server was told to send in this session.
    selected: SelectLayer,
    /// A frame of this session was shown.
    seen: bool,
    /// Since when the page is hidden, by [`dom::now_ms`].
    hidden_since: Option<f64>,
    next_layers_ms: f64,
    ticks: u32,
    remote: Remote,
    ui: Signal<Ui>,
    stream: Signal<Option<StreamSummary>>,
}

/// Plays until the component goes away.
pub async fn run(
    slug: StreamSlug,
    options: Options,
    stage: Stage,
    (remote, mut inbox): (Remote, Inbox),
    ui: Signal<Ui>,
    stream: Signal<Option<StreamSummary>>,
) {
    let _tick = Interval::new(TICK_MS, {
        let remote = remote.clone();
        move || remote.send(Event::Tick)
    });
    let _feed = Feed::new(slug.clone(), {
        let remote = remote.clone();
        move |news| remote.send(Event::Feed(news))
    });
    let _listeners = listen(&stage, &remote);
    ask_clock(&remote);
    let mut driver = Driver {
        machine: Machine::new(options.policy, now()),
        slug,
        options,
        stage,
        rtc: None,
        hls: None,
        dvr: None,
        window: None,
        aim_ms: None,
        aimed_again: false,
        clock: ServerClock::default(),
        next_clock_ms: dom::now_ms() + CLOCK_AGAIN_MS,
        counted: RtcStats::default(),
        looks: Looks::default(),
        qoe: Qoe::default(),
        hls_asked: 0,
        watched: false,
        selected: SelectLayer::default(),
        seen: false,
        hidden_since: None,
        next_layers_ms: 0.0,
        ticks: 0,
        remote,
        ui,
        stream,
    };
    driver.settle();
    while let Some(event) = inbox.0.next().await {
        driver.take(event);
        driver.settle();
    }
}

impl Driver {
    fn take(&mut self, event: Event) {
        let now = now();
        match event {
            Event::Tick => self.tick(now),
            Event::Feed(news) => self.take_feed(news, now),
            Event::Rtc(id, news) => self.take_rtc(id, news, now),
            Event::Hls(event) => {
                // A paused player waits because it was told to.
                let news = match event {
                    HlsEvent::Playing => HlsNews::Playing,
                    HlsEvent::Buffering if self.ui.peek().paused => return,
                    HlsEvent::Buffering => HlsNews::Buffering,
                    HlsEvent::Ended | HlsEvent::Failed => HlsNews::Failed,
                };
                self.machine.handle_hls(news, now);
            }
            Event::Dvr(event) => {
                let news = match event {
                    HlsEvent::Playing if self.aim_again() => return,
                    HlsEvent::Playing => {
                        self.aim_ms = None;
                        DvrNews::Playing
                    }
                    HlsEvent::Buffering if self.ui.peek().paused => return,
                    HlsEvent::Buffering => DvrNews::Buffering,
                    HlsEvent::Ended => DvrNews::Ended,
                    HlsEvent::Failed => DvrNews::Failed,
                };
                self.machine.handle_dvr(news, now);
            }
            Event::Clock(sample) => {
                self.clock
                    .sample(sample.asked_ms, sample.answered_ms, sample.server_ms)
            }
            Event::Action(action) => self.act(action),
            Event::Sound { blocked } => {
                if self.ui.peek().sound_blocked != blocked {
                    self.ui.write().sound_blocked = blocked;
                }
            }
            Event::Element { transport, paused } => {
                let playing = self.machine.phase(now) == Phase::Playing;
                let element = self.stage.video(transport);
                let shown = self.machine.shown().map(|shown| self.stage.video(shown));
                // At its end an element pauses by itself.
                let told = element.paused() == paused && !element.ended();
                if playing && shown == Some(element) && told {
                    self.set_paused(paused);
                }
            }
            Event::Visibility => {
                let hidden = dom::property(&dom::document(), "hidden");
                let hidden = hidden.is_some_and(|hidden| hidden.is_truthy());
                self.hidden_since = hidden.then(dom::now_ms);
            }
            Event::Wake => self.machine.handle_wake(now),
            Event::Leave => {
                if let Some(report) = self.qoe.last() {
                    api::post_parting(&self.qoe_address(), &report);
                }
                // The server hears of it now rather than by timeout; a page that comes back opens a new session.
                if let Some((id, session)) = self.rtc.take() {
                    drop(session);
                    self.machine.handle_rtc(id, RtcNews::Failed, now);
                }
            }
        }
    }

    fn tick(&mut self, now: u64) {
        self.ticks += 1;
        if self.ticks.is_multiple_of(TICKS_PER_LOOK) {
            if let Some((_, session)) = &self.rtc {
                session.ask_stats();
                if self.seen && self.hidden_since.is_none() && dom::now_ms() >= self.next_layers_ms
                {
                    self.next_layers_ms = dom::now_ms() + LAYERS_AGAIN_MS;
                    session.ask_layers();
                }
                let (width, height) = session.size();
                let lines = quality::lines_of(width, height).filter(|_| self.seen);
                if self.ui.peek().lines != lines {
                    self.ui.write().lines = lines;
                }
            }
            if self.machine.shown() == Some(Transport::Hls) {
                let date = self.hls.as_ref().and_then(HlsSession::playing_date_ms);
                let server = self.clock.server_ms(dom::wall_ms());
                let delay = date
                    .zip(server)
                    .and_then(|(date, server)| delay::from_program_date(server, date));
                self.set_delay(delay);
            }
            self.look_at_past(now);
            self.look_at_size();
        }
        if dom::now_ms() >= self.next_clock_ms {
            self.next_clock_ms = dom::now_ms() + CLOCK_AGAIN_MS;
            ask_clock(&self.remote);
        }
        self.machine.handle_time(now);
        self.report(now);
    }

    /// Tells the server how it plays, when that is due.
    fn report(&mut self, now: u64) {
        let session = self.rtc.as_ref().and_then(|(_, session)| session.name());
        let ui = self.ui.peek();
        let look = Look {
            phase: self.machine.phase(now),
            shown: self.machine.shown(),
            session: session.as_deref(),
            paused: ui.paused || self.selected.paused || self.selected.audio_only,
            delay_ms: ui.delay_ms,
            freezes: self.counted.counts.freezes,
            hls_asked: self.hls_asked,
        };
        if let Some(report) = self.qoe.look(&look, now) {
            let ask = api::post(&self.qoe_address()).body(&report);
            // The next report makes good for one that is lost.
            spawn_local(async move { drop(ask.done().await) });
        }
    }

    fn qoe_address(&self) -> String {
        format!("/api/v1/streams/{}/qoe", self.slug)
    }

    /// How large the picture is that is in front.
    fn look_at_size(&mut self) {
        let front = self.machine.shown().map(|shown| self.stage.video(shown));
        let size = front.map(|video| (video.video_width(), video.video_height()));
        let size = size.filter(|(width, _)| self.watched && *width > 0);
        if self.ui.peek().size != size {
            self.ui.write().size = size;
        }
        if self.machine.shown() != Some(Transport::WebRtc) && self.ui.peek().health.is_some() {
            self.ui.write().health = None;
        }
    }

    fn take_feed(&mut self, news: FeedNews, now: u64) {
        let unreachable = news == FeedNews::Unreachable;
        if self.ui.peek().unreachable != unreachable {
            self.ui.write().unreachable = unreachable;
        }
        match news {
            FeedNews::Stream(state) => {
                let presence = if state.live {
                    Presence::Live {
                        started_at: state.started_at,
                        hls_ready: state.hls_ready,
                        reconnecting: state.reconnecting_until.is_some(),
                    }
                } else {
                    Presence::Offline
                };
                if self.stream.peek().as_ref() != Some(&*state) {
                    self.stream.set(Some(*state));
                }
                self.machine.handle_presence(presence, now);
            }
            FeedNews::Missing => self.machine.handle_presence(Presence::Missing, now),
            FeedNews::Unreachable => {}
        }
    }

    fn set_delay(&mut self, delay_ms: Option<u32>) {
        if self.ui.peek().delay_ms != delay_ms {
            self.ui.write().delay_ms = delay_ms;
        }
    }

    /// Carries out what the machine wants, then shows where it stands.
    fn settle(&mut self) {
        while let Some(command) = self.machine.poll_command() {
            self.carry_out(command);
        }
        self.tell_selection();
        let phase = self.machine.phase(now());
        let transport = match phase {
            Phase::Playing | Phase::Interrupted | Phase::Reconnecting => self.machine.shown(),
            Phase::Loading | Phase::Missing | Phase::Offline | Phase::Connecting => None,
        };
        let hls = self.hls.as_ref().or(self.dvr.as_ref());
        let hls_player = hls.map(HlsSession::player);
        let ui = self.ui.peek();
        if (ui.phase, ui.transport, ui.hls_player) != (phase, transport, hls_player) {
            drop(ui);
            let mut ui = self.ui.write();
            ui.phase = phase;
            ui.hls_player = hls_player;
            if ui.transport != transport {
                ui.transport = transport;
                ui.delay_ms = None;
            }
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::OpenRtc(id) => {
                self.counted = RtcStats::default();
                self.looks.forget();
                self.selected = SelectLayer::default();
                self.seen = false;
                self.next_layers_ms = 0.0;
                self.stage.rtc.set_muted(true);
                let remote = self.remote.clone();
                match WhepSession::open(&self.slug, &self.stage.rtc, move |news| {
                    remote.send(Event::Rtc(id, news))
                }) {
                    Ok(session) => self.rtc = Some((id, session)),
                    // No WebRTC in this browser.
                    Err(_) => self.machine.handle_rtc(id, RtcNews::Failed, now()),
                }
            }
            Command::CloseRtc(id) => {
                if self.rtc.as_ref().is_some_and(|(current, _)| *current == id) {
                    self.rtc = None;
                    let mut ui = self.ui.write();
                    ui.lines = None;
                    ui.carrier = None;
                }
            }
            Command::StartHls => {
                self.hls_asked = now();
                self.hls = Some(self.start_hls(Show::Live, Event::Hls));
            }
            Command::StopHls => self.hls = None,
            Command::StartDvr(date_ms) => {
                self.dvr = Some(self.start_hls(Show::Past(date_ms), Event::Dvr));
            }
            Command::SeekDvr(date_ms) => {
                if let Some(session) = &self.dvr {
                    session.seek(date_ms);
                }
            }
            Command::StopDvr => {
                self.dvr = None;
                self.aim_ms = None;
            }
            Command::Show(transport) => {
                self.stage.keep_floating(transport);
                if self.ui.peek().paused {
                    let _ = self.stage.video(transport).pause();
                } else {
                    self.give_sound(transport);
                }
            }
        }
    }

    fn start_hls(&self, show: Show, event: impl Fn(HlsEvent) -> Event + 'static) -> HlsSession {
        self.stage.hls.set_muted(true);
        let player = self.options.hls_player.unwrap_or_else(HlsPlayer::fitting);
        let remote = self.remote.clone();
        HlsSession::start(&self.slug, &self.stage.hls, player, show, move |news| {
            remote.send(event(news));
        })
    }
}

fn ask_clock(remote: &Remote) {
    let remote = remote.clone();
    spawn_local(async move {
        let (times, pause_ms) = CLOCK_BURST;
        for _ in 0..times {
            if let Ok(sample) = api::time().await {
                remote.send(Event::Clock(sample));
            }
            TimeoutFuture::new(pause_ms).await;
        }
    });
}

fn now() -> u64 {
    dom::now_ms() as u64
}
