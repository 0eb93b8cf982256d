//! Joins the state machine to the browser: one task, one inbox, no other way in.

use dioxus::prelude::*;
use futures_channel::mpsc;
use futures_util::StreamExt as _;
use gloo_timers::{callback::Interval, future::TimeoutFuture};
use wasm_bindgen_futures::spawn_local;
use weir_protocol::{Layer, SelectLayer, StreamSlug, StreamSummary};

use super::{
    delay,
    dvr::{Place, Window},
    hls::{HlsEvent, HlsPlayer, HlsSession, Show},
    machine::{
        Command, DvrNews, HlsNews, Machine, Phase, Presence, RtcId, RtcNews, Seek, Transport,
    },
    quality::{self, Quality},
    stage::Stage,
    whep::{RtcStats, WhepNews, WhepSession},
};
use crate::{
    api::{self, TimeSample},
    clock::ServerClock,
    dom::{self, Listener},
    feed::{Feed, FeedNews},
    options::Options,
    settings::Sound,
};

/// Events that may wait. The task runs after each browser event, so a few are there at most; should it ever be full,
/// the event is dropped, and the next tick looks at the same state again.
const INBOX: usize = 256;
/// How often time is looked at. Milliseconds.
const TICK_MS: u32 = 250;
/// Statistics and delay are read every so many ticks.
const TICKS_PER_LOOK: u32 = 2;
/// How long a page may be hidden before its video is paused: who looks elsewhere for a moment notices nothing.
const HIDDEN_MS: f64 = 1_500.0;
/// The stream's layers are asked for this often: a publisher adds and drops them as its network allows. Milliseconds.
const LAYERS_AGAIN_MS: f64 = 5_000.0;
/// Questions for the server's clock at the start, and the pause between them in milliseconds.
const CLOCK_BURST: (u32, u32) = (4, 250);
/// Then again every so often. Milliseconds.
const CLOCK_AGAIN_MS: f64 = 30_000.0;

/// What the view shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Ui {
    /// What the viewer is told.
    pub phase: Phase,
    /// Whose picture is in front.
    pub transport: Option<Transport>,
    /// Which HLS player is in use, if any.
    pub hls_player: Option<HlsPlayer>,
    /// Measured distance to the publisher.
    pub delay_ms: Option<u32>,
    /// The viewer pressed pause.
    pub paused: bool,
    /// Volume and mute as the viewer wants them.
    pub sound: Sound,
    /// The browser refused sound until the viewer touches the page.
    pub sound_blocked: bool,
    /// The server does not answer.
    pub unreachable: bool,
    /// What the viewer wants to receive.
    pub quality: Quality,
    /// What there is to choose from, over WebRTC.
    pub layers: Vec<Layer>,
    /// Lines of the picture, over WebRTC.
    pub lines: Option<u32>,
    /// What one can go back to, if anything.
    pub past: Option<Past>,
}

/// The window of the past, and where in it the viewer is. Seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past {
    /// How far one can go back.
    pub reach_s: u32,
    /// How far behind what is live the viewer is, or goes; 0 for who is live.
    pub behind_s: u32,
}

impl Ui {
    /// Before anything is known.
    pub fn new(sound: Sound) -> Self {
        Self {
            phase: Phase::Loading,
            transport: None,
            hls_player: None,
            delay_ms: None,
            paused: false,
            sound,
            sound_blocked: false,
            unreachable: false,
            quality: Quality::load(),
            layers: Vec::new(),
            lines: None,
            past: None,
        }
    }

    /// Whether the viewer is in the past, or on the way there.
    pub fn is_in_past(&self) -> bool {
        self.past.is_some_and(|past| past.behind_s > 0)
    }
}

/// What the viewer does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Action {
    /// Pause, or back to live.
    TogglePause,
    /// Silence, or sound again.
    ToggleMute,
    /// 0–1.
    SetVolume(f64),
    /// A step up or down.
    NudgeVolume(f64),
    /// A quality.
    Choose(Quality),
    /// The menu of qualities was opened.
    LookAtLayers,
    /// So many seconds on, or back.
    Skip(f64),
    /// So many seconds behind what is live.
    GoBehind(f64),
    /// Back to what is live.
    GoLive,
}

/// Everything that can happen to the player.
enum Event {
    Tick,
    Feed(FeedNews),
    Rtc(RtcId, WhepNews),
    Hls(HlsEvent),
    Dvr(HlsEvent),
    Clock(TimeSample),
    Action(Action),
    SoundBlocked,
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
            Event::SoundBlocked => self.ui.write().sound_blocked = true,
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
        }
        if dom::now_ms() >= self.next_clock_ms {
            self.next_clock_ms = dom::now_ms() + CLOCK_AGAIN_MS;
            ask_clock(&self.remote);
        }
        self.machine.handle_time(now);
    }

    /// What there is to go back to, and where in it the viewer is.
    fn look_at_past(&mut self, now: u64) {
        let server = self.clock.server_ms(dom::wall_ms());
        let in_past = self.machine.is_in_past();
        let stream = self.stream.peek();
        match stream.as_ref().filter(|stream| stream.live) {
            Some(stream) => {
                let kept = stream.started_at.zip(stream.dvr_seconds).zip(server);
                self.window = kept.and_then(|((started_at, seconds), server)| {
                    Window::of_live(started_at, seconds, server)
                });
            }
            None if !in_past => self.window = None,
            None => {}
        }
        drop(stream);
        let past = self.window.map(|window| {
            let date = self.date_ms().filter(|_| in_past);
            // Not every player tells where it is: then it is where it was sent.
            let sent = self.ui.peek().past.map_or(0, |past| past.behind_s);
            let behind_s = match date {
                Some(date) => window.behind_s(date).max(1),
                None if in_past => sent.max(1),
                None => 0,
            };
            if let Some(date) = date
                && self.machine.shown() == Some(Transport::Dvr)
            {
                self.set_delay(Some((window.ends_ms() - date).max(0.0) as u32));
            }
            if self.aim_ms.is_none()
                && let Some(date) = date.and_then(|date| window.pushes(date))
            {
                self.seek(date, now);
            }
            Past {
                reach_s: window.reach_s(),
                behind_s,
            }
        });
        if self.ui.peek().past != past {
            self.ui.write().past = past;
        }
    }

    /// The date of what is shown in the past, or will be in a moment.
    fn date_ms(&self) -> Option<f64> {
        let playing = || self.dvr.as_ref().and_then(HlsSession::playing_date_ms);
        self.aim_ms.or_else(playing)
    }

    /// Sends a player to its moment once more that began somewhere else: hls.js forgets where it was to start when
    /// its first request comes to nothing.
    fn aim_again(&mut self) -> bool {
        let Some((date_ms, session)) = self.aim_ms.zip(self.dvr.as_ref()) else {
            return false;
        };
        let again = !self.aimed_again && session.misses(date_ms);
        if again {
            self.aimed_again = true;
            session.seek(date_ms);
        }
        again
    }

    /// The viewer goes to another moment.
    fn go_to(&mut self, date_ms: f64) {
        match self.window.map(|window| window.place(date_ms)) {
            Some(Place::At(date_ms)) => self.seek(date_ms, now()),
            Some(Place::Live) => self.go_live(),
            None => {}
        }
    }

    fn go_live(&mut self) {
        self.aim_ms = None;
        self.machine.handle_seek(Seek::Live, now());
        self.look_at_past(now());
    }

    fn seek(&mut self, date_ms: f64, now: u64) {
        self.machine.handle_seek(Seek::To(date_ms), now);
        if self.machine.is_in_past() {
            self.aim_ms = Some(date_ms);
            self.aimed_again = false;
            self.look_at_past(now);
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
                if self.stream.peek().as_ref() != Some(&state) {
                    self.stream.set(Some(state));
                }
                self.machine.handle_presence(presence, now);
            }
            FeedNews::Missing => self.machine.handle_presence(Presence::Missing, now),
            FeedNews::Unreachable => {}
        }
    }

    fn take_rtc(&mut self, id: RtcId, news: WhepNews, now: u64) {
        if self.rtc.as_ref().is_none_or(|(current, _)| *current != id) {
            return;
        }
        match news {
            // What is wanted is told by `settle`, which follows each event.
            WhepNews::Open => {}
            WhepNews::Layers(layers) => {
                if self.ui.peek().layers != layers {
                    self.ui.write().layers = layers;
                }
            }
            WhepNews::FirstFrame => self.rtc_frame(id, now),
            WhepNews::NotLive { retry_ms } => {
                self.machine
                    .handle_rtc(id, RtcNews::NotLive { retry_ms }, now)
            }
            WhepNews::Refused { retry_ms } => {
                self.machine
                    .handle_rtc(id, RtcNews::Refused { retry_ms }, now)
            }
            WhepNews::Failed => self.machine.handle_rtc(id, RtcNews::Failed, now),
            WhepNews::Stats(stats) => {
                let before = std::mem::replace(&mut self.counted, stats);
                let alive = if self.selected.paused {
                    // No frames by our own wish, and there may be no sound.
                    stats.connected
                } else if stats.has_video && !self.selected.audio_only {
                    stats.frames > before.frames
                } else {
                    stats.audio_packets > before.audio_packets
                };
                if alive {
                    self.rtc_frame(id, now);
                }
                if self.machine.shown() == Some(Transport::WebRtc) {
                    let server = self.clock.server_ms(dom::wall_ms());
                    let delay = stats.playout_ntp_ms.zip(server);
                    self.set_delay(
                        delay.and_then(|(ntp, server)| delay::from_playout_timestamp(server, ntp)),
                    );
                }
            }
        }
    }

    fn rtc_frame(&mut self, id: RtcId, now: u64) {
        self.seen = true;
        self.machine.handle_rtc(id, RtcNews::Frame, now);
    }

    /// What the server should send now.
    fn wanted(&self) -> SelectLayer {
        let ui = self.ui.peek();
        let hidden = self
            .hidden_since
            .is_some_and(|since| dom::now_ms() - since >= HIDDEN_MS);
        // A floating window shows the picture of a hidden page.
        let floats = || dom::property(&dom::document(), "pictureInPictureElement").is_some();
        // Before the first frame nobody knows whether the session works at all.
        if self.seen && (ui.paused || (hidden && !floats())) {
            return SelectLayer {
                paused: true,
                ..SelectLayer::default()
            };
        }
        ui.quality.selection(&ui.layers)
    }

    fn tell_selection(&mut self) {
        let wanted = self.wanted();
        if let Some((_, session)) = &self.rtc
            && wanted != self.selected
            && session.select(wanted.clone())
        {
            self.selected = wanted;
        }
    }

    fn act(&mut self, action: Action) {
        let mut sound = self.ui.peek().sound;
        match action {
            Action::TogglePause => {
                let paused = !self.ui.peek().paused;
                return self.set_paused(paused);
            }
            // What a viewer sees as muted is also what the browser muted.
            Action::ToggleMute => sound.muted = !(sound.muted || self.ui.peek().sound_blocked),
            Action::SetVolume(volume) => {
                sound.volume = volume.clamp(0.0, 1.0);
                sound.muted = sound.volume == 0.0;
            }
            Action::NudgeVolume(step) => {
                sound.volume = (sound.volume + step).clamp(0.0, 1.0);
                sound.muted = sound.volume == 0.0;
            }
            Action::Choose(quality) => {
                quality.save();
                self.ui.write().quality = quality;
                return;
            }
            Action::LookAtLayers => {
                if let Some((_, session)) = &self.rtc {
                    session.ask_layers();
                }
                return;
            }
            Action::Skip(seconds) => {
                let in_past = self.machine.is_in_past();
                let seen = self.window.map(|window| {
                    let over_hls = self.machine.shown() == Some(Transport::Hls);
                    let delay_ms = self.ui.peek().delay_ms.filter(|_| over_hls);
                    window.ends_ms() - f64::from(delay_ms.unwrap_or(0))
                });
                let from = self.date_ms().filter(|_| in_past).or(seen);
                if let Some(from) = from {
                    self.go_to(from + seconds * 1_000.0);
                }
                return;
            }
            Action::GoBehind(seconds) => {
                if let Some(window) = self.window {
                    self.go_to(window.ends_ms() - seconds * 1_000.0);
                }
                return;
            }
            Action::GoLive => {
                self.go_live();
                return self.set_paused(false);
            }
        }
        sound.save();
        {
            let mut ui = self.ui.write();
            ui.sound = sound;
            ui.sound_blocked = false;
        }
        if let Some(front) = self.machine.shown() {
            self.give_sound(front);
        }
    }

    fn set_paused(&mut self, paused: bool) {
        if self.ui.peek().paused == paused {
            return;
        }
        self.ui.write().paused = paused;
        let Some(front) = self.machine.shown() else {
            return;
        };
        let video = self.stage.video(front);
        if paused {
            let _ = video.pause();
        } else {
            // Live is live: what was missed is not played later.
            if let (Transport::Hls, Some(session)) = (front, &self.hls) {
                session.go_live();
            }
            dom::call_quietly(video, "play");
        }
    }

    fn give_sound(&self, front: Transport) {
        if self.ui.peek().paused {
            return;
        }
        let remote = self.remote.clone();
        self.stage.give_sound(front, self.ui.peek().sound, move || {
            remote.send(Event::SoundBlocked)
        });
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
                    self.ui.write().lines = None;
                }
            }
            Command::StartHls => {
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
}

impl Driver {
    fn start_hls(&self, show: Show, event: impl Fn(HlsEvent) -> Event + 'static) -> HlsSession {
        self.stage.hls.set_muted(true);
        let player = self.options.hls_player.unwrap_or_else(HlsPlayer::fitting);
        let remote = self.remote.clone();
        HlsSession::start(&self.slug, &self.stage.hls, player, show, move |news| {
            remote.send(event(news));
        })
    }
}

fn listen(stage: &Stage, remote: &Remote) -> Vec<Listener> {
    let mut listeners = Vec::new();
    for transport in [Transport::WebRtc, Transport::Hls] {
        for (name, paused) in [("pause", true), ("play", false)] {
            let remote = remote.clone();
            listeners.push(Listener::new(stage.video(transport), name, move |_| {
                remote.send(Event::Element { transport, paused });
            }));
        }
    }
    let window = dom::window();
    for name in ["online", "pageshow"] {
        let remote = remote.clone();
        listeners.push(Listener::new(&window, name, move |_| {
            remote.send(Event::Wake)
        }));
    }
    listeners.push(Listener::new(&dom::document(), "visibilitychange", {
        let remote = remote.clone();
        move |_| remote.send(Event::Visibility)
    }));
    let remote = remote.clone();
    listeners.push(Listener::new(&window, "pagehide", move |_| {
        remote.send(Event::Leave)
    }));
    listeners
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
