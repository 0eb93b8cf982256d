//! A WHIP or WHEP client on its own thread and socket.

use std::{
    future::Future,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use str0m::{
    Candidate, Event, Input, Output, Rtc, RtcConfig,
    change::{SdpAnswer, SdpPendingOffer},
    channel::ChannelId,
    media::{Direction, MediaKind, Mid},
    net::{Protocol, Receive, TcpType},
    rtp::RtpWrite,
};
use weir_media::Kind;
use weir_rtp::rfc4571::{self, Deframer};
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
    deaf: Arc<AtomicBool>,
    said: mpsc::Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

/// Text or not, and the bytes.
pub type Message = (bool, Vec<u8>);

/// What is out of the ordinary.
#[derive(Default, Clone, Copy)]
pub struct Wants {
    /// Over TCP to this address.
    pub tcp: Option<SocketAddr>,
    /// With the data channel.
    pub channel: bool,
}

#[derive(Default)]
struct Seen {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    packets: Vec<Packet>,
    messages: Vec<Message>,
    channel: Option<bool>,
    closed: bool,
}

struct Peer {
    rtc: Rtc,
    wire: Wire,
    pending: SdpPendingOffer,
    offer: String,
    video: Mid,
    audio: Mid,
}

enum Wire {
    Udp(UdpSocket),
    Tcp {
        stream: TcpStream,
        deframer: Deframer,
        /// Read and not looked at yet.
        read: Vec<u8>,
    },
}

impl Wire {
    fn candidate(&self) -> Candidate {
        let candidate = match self {
            Self::Udp(socket) => {
                let address = socket.local_addr().unwrap();
                Candidate::builder().udp().host(address).build()
            }
            Self::Tcp { stream, .. } => {
                let address = stream.local_addr().unwrap();
                let candidate = Candidate::builder().tcp().host(address);
                candidate.tcptype(TcpType::Active).build()
            }
        };
        candidate.unwrap()
    }

    fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        match self {
            Self::Udp(socket) => {
                let _ = socket.send_to(bytes, to);
            }
            Self::Tcp { stream, .. } => {
                let mut framed = Vec::new();
                rfc4571::frame(&mut framed, bytes).unwrap();
                let _ = stream.write_all(&framed);
            }
        }
    }

    /// Gives what comes within the time.
    fn receive(
        &mut self,
        wait: Duration,
        mut each: impl FnMut(Protocol, SocketAddr, SocketAddr, &[u8]),
    ) {
        match self {
            Self::Udp(socket) => {
                let mut buffer = [0; 2_000];
                socket.set_read_timeout(Some(wait)).unwrap();
                if let Ok((len, source)) = socket.recv_from(&mut buffer) {
                    let local = socket.local_addr().unwrap();
                    each(Protocol::Udp, source, local, &buffer[..len]);
                }
            }
            Self::Tcp {
                stream,
                deframer,
                read,
            } => {
                stream.set_read_timeout(Some(wait)).unwrap();
                read.resize(16 * 1024, 0);
                let len = match stream.read(read) {
                    Ok(len) => len,
                    Err(e) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&e.kind()) => 0,
                    Err(_) => 0,
                };
                let (source, local) = (stream.peer_addr(), stream.local_addr().unwrap());
                let mut rest = &read[..len];
                while let Some(packet) = deframer.next(&mut rest).unwrap() {
                    if let Ok(source) = source {
                        each(Protocol::Tcp, source, local, packet);
                    }
                }
            }
        }
    }
}

fn peer(codec: Codec, direction: Direction, wants: Wants) -> Peer {
    let wire = match wants.tcp {
        None => Wire::Udp(UdpSocket::bind("127.0.0.1:0").unwrap()),
        Some(server) => Wire::Tcp {
            stream: TcpStream::connect(server).unwrap(),
            deframer: Deframer::new(2_000),
            read: Vec::new(),
        },
    };
    let config = RtcConfig::new()
        .clear_codecs()
        .enable_opus(true, false)
        .set_rtp_mode(true);
    let config = match codec {
        Codec::Vp8 => config.enable_vp8(true),
        Codec::H264 => config.enable_h264(true),
    };
    let mut rtc = config.build(Instant::now());
    rtc.add_local_candidate(wire.candidate());
    let mut api = rtc.sdp_api();
    let audio = api.add_media(MediaKind::Audio, direction, None, None, None);
    let video = api.add_media(MediaKind::Video, direction, None, None, None);
    if wants.channel {
        api.add_channel("weir".to_owned());
    }
    let (offer, pending) = api.apply().unwrap();
    Peer {
        rtc,
        wire,
        pending,
        offer: offer.to_sdp_string(),
        video,
        audio,
    }
}

pub fn offer(codec: Codec) -> String {
    peer(codec, Direction::RecvOnly, Wants::default()).offer
}

impl Client {
    pub async fn publisher<F: Future<Output = Session>>(
        codec: Codec,
        post: impl FnOnce(String) -> F,
    ) -> Self {
        let peer = peer(codec, Direction::SendOnly, Wants::default());
        Self::start(peer, true, post).await
    }

    pub async fn viewer<F: Future<Output = Session>>(
        codec: Codec,
        post: impl FnOnce(String) -> F,
    ) -> Self {
        Self::special_viewer(codec, Wants::default(), post).await
    }

    pub async fn special_viewer<F: Future<Output = Session>>(
        codec: Codec,
        wants: Wants,
        post: impl FnOnce(String) -> F,
    ) -> Self {
        Self::start(peer(codec, Direction::RecvOnly, wants), false, post).await
    }

    /// Says something on the data channel, when it is open.
    pub fn say(&self, text: bool, bytes: &[u8]) {
        self.said.send((text, bytes.to_vec())).unwrap();
    }

    pub fn messages(&self) -> Vec<Message> {
        self.seen.state.lock().unwrap().messages.clone()
    }

    pub async fn wait_for_messages(&self, count: usize) {
        self.wait(move |state| state.messages.len() >= count).await;
    }

    pub async fn wait_for_channel(&self, open: bool) {
        self.wait(move |state| state.channel == Some(open)).await;
    }

    /// Stops reading from its socket, or begins again.
    pub fn set_deaf(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::Relaxed);
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
        let deaf = Arc::new(AtomicBool::new(false));
        let (said, to_say) = mpsc::channel();
        let runner = Runner {
            rtc: peer.rtc,
            wire: peer.wire,
            deaf: deaf.clone(),
            to_say,
            unsaid: None,
            channel: None,
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
            deaf,
            said,
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
    wire: Wire,
    deaf: Arc<AtomicBool>,
    to_say: mpsc::Receiver<Message>,
    unsaid: Option<Message>,
    channel: Option<ChannelId>,
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
            if self.deaf.load(Ordering::Relaxed) {
                std::thread::sleep(wait);
            } else {
                let mut received = Vec::new();
                self.wire.receive(wait, |protocol, source, local, bytes| {
                    received.push((protocol, source, local, bytes.to_vec()));
                });
                for (protocol, source, local, bytes) in received {
                    if let Ok(receive) = Receive::new(protocol, source, local, &bytes) {
                        let _ = self
                            .rtc
                            .handle_input(Input::Receive(Instant::now(), receive));
                        self.drain();
                    }
                }
            }
            self.say();
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
                    self.wire.send(t.destination, &t.contents);
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
            Event::ChannelOpen(id, _) => {
                self.channel = Some(id);
                self.seen.state.lock().unwrap().channel = Some(true);
                self.seen.changed.notify_all();
            }
            Event::ChannelClose(_) => {
                self.channel = None;
                self.seen.state.lock().unwrap().channel = Some(false);
                self.seen.changed.notify_all();
            }
            Event::ChannelData(data) => {
                let mut state = self.seen.state.lock().unwrap();
                state.messages.push((!data.binary, data.data));
                self.seen.changed.notify_all();
            }
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

    fn say(&mut self) {
        let Some(id) = self.channel else { return };
        while let Some((text, bytes)) = self.unsaid.take().or_else(|| self.to_say.try_recv().ok()) {
            let Some(mut channel) = self.rtc.channel(id) else {
                return;
            };
            if !channel.write(!text, &bytes).unwrap() {
                self.unsaid = Some((text, bytes));
                return;
            }
            self.drain();
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
