//! A WebRTC peer: a publisher that sends VP8 and Opus, or a viewer.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::{SdpAnswer, SdpOffer, SdpPendingOffer},
    media::{Direction, MediaKind, MediaTime, Mid},
    net::{Protocol, Receive},
};
use tokio::{
    net::UdpSocket,
    sync::{Notify, watch},
    task::JoinHandle,
};

/// One picture; its first bytes are the header of a VP8 keyframe of 16×16 pixels (RFC 6386 section 9.1).
const KEYFRAME: [u8; 64] = {
    let mut frame = [0; 64];
    let header = [0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 16, 0, 16, 0];
    let mut at = 0;
    while at < header.len() {
        frame[at] = header[at];
        at += 1;
    }
    frame
};

/// An offer that waits for its answer.
pub struct Offer {
    rtc: Rtc,
    pending: SdpPendingOffer,
    socket: UdpSocket,
    address: SocketAddr,
    sdp: String,
    sends: Option<[Mid; 2]>,
}

/// A peer at work. Dropping it stops it without a goodbye, as when a machine loses its network.
pub struct Peer {
    task: JoinHandle<()>,
    state: watch::Receiver<State>,
    cut: Arc<AtomicBool>,
    leave: Arc<Notify>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct State {
    connected: bool,
    ended: bool,
    frames: u64,
}

impl Offer {
    pub async fn publisher() -> Self {
        Self::new(Direction::SendOnly).await
    }

    pub async fn viewer() -> Self {
        Self::new(Direction::RecvOnly).await
    }

    async fn new(direction: Direction) -> Self {
        let (mut rtc, socket, address) = client().await;
        let mut api = rtc.sdp_api();
        let audio = api.add_media(MediaKind::Audio, direction, None, None, None);
        let video = api.add_media(MediaKind::Video, direction, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        let sends = (direction == Direction::SendOnly).then_some([audio, video]);
        Self {
            rtc,
            pending,
            socket,
            address,
            sdp: offer.to_sdp_string(),
            sends,
        }
    }

    pub fn sdp(&self) -> &str {
        &self.sdp
    }

    /// Takes the answer and starts.
    pub fn accept(mut self, answer: &str) -> Peer {
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        self.rtc
            .sdp_api()
            .accept_answer(self.pending, answer)
            .unwrap();
        Peer::start(self.rtc, self.socket, self.address, self.sends)
    }
}

async fn client() -> (Rtc, UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let mut rtc = Rtc::builder()
        .clear_codecs()
        .enable_vp8(true)
        .enable_opus(true, false)
        .build(Instant::now());
    rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
    (rtc, socket, address)
}

impl Peer {
    /// Answers the server's own offer, and starts. Gives the answer too.
    pub async fn answer(offer: &str) -> (Self, String) {
        let (mut rtc, socket, address) = client().await;
        let offer = SdpOffer::from_sdp_string(offer).unwrap();
        let answer = rtc.sdp_api().accept_offer(offer).unwrap();
        (
            Self::start(rtc, socket, address, None),
            answer.to_sdp_string(),
        )
    }

    fn start(rtc: Rtc, socket: UdpSocket, address: SocketAddr, sends: Option<[Mid; 2]>) -> Self {
        let (tell, state) = watch::channel(State::default());
        let cut = Arc::new(AtomicBool::new(false));
        let leave = Arc::new(Notify::new());
        let run = Run {
            rtc,
            socket,
            address,
            sends,
            state: tell,
            cut: cut.clone(),
            leave: leave.clone(),
        };
        Self {
            task: tokio::spawn(run.run()),
            state,
            cut,
            leave,
        }
    }

    /// From now on nothing goes in or out, or everything does again.
    pub fn cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Relaxed);
    }

    pub async fn connected(&mut self) {
        self.state.wait_for(|state| state.connected).await.unwrap();
    }

    /// Waits for a picture or sound.
    pub async fn received(&mut self) {
        self.state.wait_for(|state| state.frames > 0).await.unwrap();
    }

    /// Closes the connection by DTLS, as a client does that stops.
    pub fn leave(&self) {
        self.leave.notify_one();
    }

    /// Waits until the other side has ended the session.
    pub async fn ended(&mut self) {
        self.state.wait_for(|state| state.ended).await.unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Run {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    sends: Option<[Mid; 2]>,
    state: watch::Sender<State>,
    cut: Arc<AtomicBool>,
    leave: Arc<Notify>,
}

impl Run {
    async fn run(mut self) {
        let start = Instant::now();
        let mut frames = tokio::time::interval(Duration::from_millis(20));
        let mut buffer = vec![0; 2048];
        loop {
            let deadline = self.drain().await;
            if !self.rtc.is_alive() {
                self.state.send_modify(|state| state.ended = true);
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(deadline.into()) => {}
                received = self.socket.recv_from(&mut buffer) => {
                    let Ok((size, source)) = received else { continue };
                    if self.cut.load(Ordering::Relaxed) {
                        continue;
                    }
                    let now = Instant::now();
                    let datagram = Receive::new(Protocol::Udp, source, self.address, &buffer[..size]);
                    if let Ok(datagram) = datagram {
                        self.rtc.handle_input(Input::Receive(now, datagram)).ok();
                    }
                    continue;
                }
                () = self.leave.notified() => self.rtc.close().unwrap(),
                _ = frames.tick(), if self.sends.is_some() && self.rtc.is_connected() => {
                    self.send(start.elapsed());
                }
            }
            self.rtc.handle_input(Input::Timeout(Instant::now())).ok();
        }
    }

    fn send(&mut self, time: Duration) {
        for (mid, data) in self
            .sends
            .into_iter()
            .flatten()
            .zip([&[0xf8, 0xff, 0xfe][..], &KEYFRAME])
        {
            let Some(writer) = self.rtc.writer(mid) else {
                continue;
            };
            let pt = writer.payload_params().next().unwrap().pt();
            writer
                .write(pt, Instant::now(), MediaTime::from(time), data.to_vec())
                .unwrap();
        }
    }

    /// Sends what is to be sent; gives the time of the next call.
    async fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => return at,
                Ok(Output::Transmit(_)) if self.cut.load(Ordering::Relaxed) => {}
                Ok(Output::Transmit(datagram)) => {
                    self.socket
                        .send_to(&datagram.contents, datagram.destination)
                        .await
                        .ok();
                }
                Ok(Output::Event(event)) => self.state.send_modify(|state| match event {
                    Event::Connected => state.connected = true,
                    Event::MediaData(_) => state.frames += 1,
                    _ => {}
                }),
                Err(_) => {
                    self.rtc.disconnect();
                    return Instant::now();
                }
            }
        }
    }
}
