//! A WHIP or WHEP client on its own thread and socket.

use std::{
    future::Future,
    net::UdpSocket,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use str0m::{
    Candidate, Event, Input, Output, Rtc, RtcConfig,
    change::{SdpAnswer, SdpPendingOffer},
    media::{Direction, MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::RtpWrite,
};
use weir_media::Kind;
use weir_sfu::{Session, SessionId};

#[derive(Debug, Clone, Copy)]
pub enum Codec {
    Vp8,
    H264,
}

#[derive(Debug, Clone)]
pub struct Packet {
    pub kind: Kind,
    pub seq: u64,
    pub payload: Vec<u8>,
}

pub struct Client {
    pub session: SessionId,
    seen: Arc<Seen>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    packets: Vec<Packet>,
    closed: bool,
}

struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    pending: SdpPendingOffer,
    offer: String,
    video: Mid,
    audio: Mid,
}

fn peer(codec: Codec, direction: Direction) -> Peer {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = RtcConfig::new()
        .clear_codecs()
        .enable_opus(true, false)
        .set_rtp_mode(true);
    let config = match codec {
        Codec::Vp8 => config.enable_vp8(true),
        Codec::H264 => config.enable_h264(true),
    };
    let mut rtc = config.build(Instant::now());
    rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
    let mut api = rtc.sdp_api();
    let audio = api.add_media(MediaKind::Audio, direction, None, None, None);
    let video = api.add_media(MediaKind::Video, direction, None, None, None);
    let (offer, pending) = api.apply().unwrap();
    Peer {
        rtc,
        socket,
        pending,
        offer: offer.to_sdp_string(),
        video,
        audio,
    }
}

pub fn offer(codec: Codec) -> String {
    peer(codec, Direction::RecvOnly).offer
}

impl Client {
    pub async fn publisher<F: Future<Output = Session>>(
        codec: Codec,
        post: impl FnOnce(String) -> F,
    ) -> Self {
        Self::start(peer(codec, Direction::SendOnly), true, post).await
    }

    pub async fn viewer<F: Future<Output = Session>>(
        codec: Codec,
        post: impl FnOnce(String) -> F,
    ) -> Self {
        Self::start(peer(codec, Direction::RecvOnly), false, post).await
    }

    async fn start<F: Future<Output = Session>>(
        mut peer: Peer,
        plays: bool,
        post: impl FnOnce(String) -> F,
    ) -> Self {
        let session = post(peer.offer.clone()).await;
        let answer = SdpAnswer::from_sdp_string(&session.answer).unwrap();
        peer.rtc
            .sdp_api()
            .accept_answer(peer.pending, answer)
            .unwrap();
        let seen = Arc::new(Seen::default());
        let stop = Arc::new(AtomicBool::new(false));
        let runner = Runner {
            rtc: peer.rtc,
            socket: peer.socket,
            video: peer.video,
            audio: peer.audio,
            seen: seen.clone(),
            plays,
            connected: false,
            keyframe: true,
            frames: 0,
            begun: Instant::now(),
        };
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || runner.run(&stopped));
        Self {
            session: session.id,
            seen,
            stop,
            thread: Some(thread),
        }
    }

    pub fn packets(&self, kind: Kind) -> Vec<Packet> {
        let state = self.seen.state.lock().unwrap();
        state
            .packets
            .iter()
            .filter(|packet| packet.kind == kind)
            .cloned()
            .collect()
    }

    pub async fn wait_for_packets(&self, kind: Kind, count: usize) {
        self.wait(move |state| state.packets.iter().filter(|p| p.kind == kind).count() >= count)
            .await;
    }

    pub async fn wait_until_closed(&self) {
        self.wait(|state| state.closed).await;
    }

    async fn wait(&self, done: impl Fn(&State) -> bool + Send + 'static) {
        let seen = self.seen.clone();
        let waiting = tokio::task::spawn_blocking(move || {
            let state = seen.state.lock().unwrap();
            let limit = Duration::from_secs(30);
            let (state, result) = seen
                .changed
                .wait_timeout_while(state, limit, |state| !done(state))
                .unwrap();
            drop(state);
            assert!(!result.timed_out(), "what was waited for did not come");
        });
        waiting.await.unwrap();
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Runner {
    rtc: Rtc,
    socket: UdpSocket,
    video: Mid,
    audio: Mid,
    seen: Arc<Seen>,
    plays: bool,
    connected: bool,
    keyframe: bool,
    frames: u64,
    begun: Instant,
}

impl Runner {
    fn run(mut self, stop: &AtomicBool) {
        let mut buffer = vec![0; 2_000];
        while self.rtc.is_alive() {
            if stop.load(Ordering::Relaxed) {
                let _ = self.rtc.close();
                self.drain();
                return;
            }
            let timeout = self.drain();
            if self.plays && self.connected {
                self.play();
            }
            let wait = timeout.saturating_duration_since(Instant::now());
            let wait = wait.clamp(Duration::from_millis(1), Duration::from_millis(5));
            self.socket.set_read_timeout(Some(wait)).unwrap();
            let received = self.socket.recv_from(&mut buffer);
            let now = Instant::now();
            if let Ok((len, source)) = received {
                let local = self.socket.local_addr().unwrap();
                if let Ok(receive) = Receive::new(Protocol::Udp, source, local, &buffer[..len]) {
                    let _ = self.rtc.handle_input(Input::Receive(now, receive));
                    self.drain();
                }
            }
            let _ = self.rtc.handle_input(Input::Timeout(Instant::now()));
        }
        self.drain();
        self.closed();
    }

    fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => return at,
                Err(_) => return Instant::now(),
                Ok(Output::Transmit(t)) => {
                    let _ = self.socket.send_to(&t.contents, t.destination);
                }
                Ok(Output::Event(event)) => self.event(event),
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Connected => self.connected = true,
            Event::Closed => self.closed(),
            Event::KeyframeRequest(_) => self.keyframe = true,
            Event::RtpPacket(packet) => {
                let pts = self.rtc.media(self.video).unwrap().remote_pts();
                let video = pts.contains(&packet.header.payload_type);
                let mut state = self.seen.state.lock().unwrap();
                state.packets.push(Packet {
                    kind: if video { Kind::Video } else { Kind::Audio },
                    seq: *packet.seq_no,
                    payload: packet.payload.to_vec(),
                });
                self.seen.changed.notify_all();
            }
            _ => {}
        }
    }

    fn closed(&self) {
        self.seen.state.lock().unwrap().closed = true;
        self.seen.changed.notify_all();
    }

    /// VP8 of 50 frames a second with 4 packets each, and a packet of audio with each.
    fn play(&mut self) {
        let due = self.begun.elapsed().as_millis() as u64 / 20;
        // A late thread does not make up for what it missed in one burst.
        if due > self.frames + 5 {
            self.begun = Instant::now() - Duration::from_millis(self.frames * 20);
            return;
        }
        while self.frames < due {
            let now = Instant::now();
            let key = std::mem::take(&mut self.keyframe);
            for part in 0..4_u64 {
                let mut payload = vec![if part == 0 { 0x10 } else { 0 }, u8::from(!key)];
                payload.resize(1_000, part as u8);
                let seq = 60_000 + self.frames * 4 + part;
                self.write(
                    self.video,
                    seq,
                    (self.frames * 1_800) as u32,
                    part == 3,
                    now,
                    &payload,
                );
            }
            let time = (self.frames * 960) as u32;
            self.write(self.audio, 500 + self.frames, time, false, now, &[0xfc, 1]);
            self.frames += 1;
            let _ = self.rtc.handle_input(Input::Timeout(now));
            self.drain();
        }
    }

    fn write(&mut self, mid: Mid, seq: u64, time: u32, marker: bool, now: Instant, payload: &[u8]) {
        let pt = self.rtc.media(mid).unwrap().remote_pts()[0];
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None).unwrap();
        stream.write_rtp(
            RtpWrite::new(pt, seq.into(), time, now, payload)
                .marker(marker)
                .nackable(true),
        );
    }
}
