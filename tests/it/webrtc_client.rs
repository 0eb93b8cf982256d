//! WHIP and WHEP with the `webrtc` crate: a WebRTC implementation that shares nothing with ours.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{Response, StatusCode, Url, header};
use rtc::{
    interceptor::{Interceptor, Packet as Intercepted, Slot, StreamInfo, TaggedPacket},
    media_stream::MediaStreamTrack,
    peer_connection::{
        configuration::media_engine::MIME_TYPE_OPUS, transport::RTCDtlsTransportState,
    },
    rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication,
    rtp::{Packet, header::Header},
    rtp_transceiver::rtp_sender::{
        RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters,
        RTCRtpEncodingParameters, RtpCodecKind,
    },
    sansio::Protocol,
    shared::error::Error,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};
use webrtc::{
    data_channel::{DataChannel, DataChannelEvent},
    media_stream::{
        track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP},
        track_remote::{TrackRemote, TrackRemoteEvent},
    },
    peer_connection::{
        MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
        RTCConfigurationBuilder, RTCIceGatheringState, RTCIceServer, RTCIceTransportPolicy,
        RTCPeerConnectionState, RTCSessionDescription, Registry, register_default_interceptors,
    },
    rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit},
};
use weir_bench::source::{FRAME_TIME, Source};

use crate::{
    media::Video,
    program::{PATIENCE, until},
};

const OPUS: u8 = 111;
const VIDEO_SSRC: u32 = 0x5745_0001;
const AUDIO_SSRC: u32 = 0x5745_0002;

/// Packets that a test has not looked at yet; more than any test lets wait.
const RECEIVED: usize = 65_536;

/// Packets after a missing one until it is given up: several seconds.
const MISSING: usize = 2000;

/// A peer connection and what it tells.
pub struct Client {
    peer: Arc<dyn PeerConnection>,
    sdp: String,
    state: watch::Receiver<RTCPeerConnectionState>,
    tracks: mpsc::UnboundedReceiver<Arc<dyn TrackRemote>>,
    keyframe_requests: watch::Receiver<u64>,
    channel: Option<Arc<dyn DataChannel>>,
}

struct Handler {
    gathered: watch::Sender<bool>,
    state: watch::Sender<RTCPeerConnectionState>,
    tracks: mpsc::UnboundedSender<Arc<dyn TrackRemote>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.send_replace(true);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        // The test may be over.
        let _ = self.tracks.send(track);
    }
}

/// What a client does with its tracks.
enum Role {
    Publisher(Arc<TrackLocalStaticRTP>, Arc<TrackLocalStaticRTP>),
    Viewer,
    /// A viewer with a channel to the room.
    Chatter,
}

/// A TURN server as a session is told of it.
#[derive(Debug, Clone)]
pub struct Relay {
    pub url: String,
    pub address: SocketAddr,
    pub username: String,
    pub credential: String,
}

impl Client {
    async fn new(video: &Video, role: Role) -> Self {
        Self::with_relay(video, role, None).await
    }

    /// With a relay, that is its only way.
    async fn with_relay(video: &Video, role: Role, relay: Option<&Relay>) -> Self {
        let mut configuration = RTCConfigurationBuilder::default();
        if let Some(relay) = relay {
            configuration = configuration
                .with_ice_servers(vec![RTCIceServer {
                    urls: vec![relay.url.clone()],
                    username: relay.username.clone(),
                    credential: relay.credential.clone(),
                }])
                .with_ice_transport_policy(RTCIceTransportPolicy::Relay);
        }
        let mut engine = MediaEngine::default();
        let codecs = [
            (video_codec(video), RtpCodecKind::Video),
            (opus(), RtpCodecKind::Audio),
        ];
        for (codec, kind) in codecs {
            engine.register_codec(codec, kind).unwrap();
        }
        let (requests, keyframe_requests) = watch::channel(0);
        let registry = register_default_interceptors(Registry::new(), &mut engine)
            .unwrap()
            .with(Slot::from(14_000), CountKeyframeRequests::new(requests));
        let (gathered, mut is_gathered) = watch::channel(false);
        let (state_sender, state) = watch::channel(RTCPeerConnectionState::New);
        let (track_sender, tracks) = mpsc::unbounded_channel();
        let peer = PeerConnectionBuilder::new()
            .with_configuration(configuration.build())
            .with_media_engine(engine)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(Handler {
                gathered,
                state: state_sender,
                tracks: track_sender,
            }))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await
            .unwrap();
        let peer: Arc<dyn PeerConnection> = Arc::new(peer);
        let init = |direction| {
            Some(RTCRtpTransceiverInit {
                direction,
                ..Default::default()
            })
        };
        let channel = match role {
            Role::Chatter => Some(peer.create_data_channel("weir", None).await.unwrap()),
            _ => None,
        };
        match role {
            Role::Publisher(video, audio) => {
                for track in [video, audio] {
                    let direction = init(RTCRtpTransceiverDirection::Sendonly);
                    peer.add_transceiver_from_track(track, direction)
                        .await
                        .unwrap();
                }
            }
            Role::Viewer | Role::Chatter => {
                for kind in [RtpCodecKind::Video, RtpCodecKind::Audio] {
                    let direction = init(RTCRtpTransceiverDirection::Recvonly);
                    peer.add_transceiver_from_kind(kind, direction)
                        .await
                        .unwrap();
                }
            }
        }
        let offer = peer.create_offer(None).await.unwrap();
        peer.set_local_description(offer).await.unwrap();
        timeout(PATIENCE, is_gathered.wait_for(|done| *done))
            .await
            .expect("candidates")
            .unwrap();
        let sdp = peer.local_description().await.unwrap().sdp;
        Self {
            peer,
            sdp,
            state,
            tracks,
            keyframe_requests,
            channel,
        }
    }

    /// Posts the offer.
    pub async fn post(&self, endpoint: &str, key: Option<&str>) -> Response {
        let mut request = reqwest::Client::new()
            .post(endpoint)
            .header(header::CONTENT_TYPE, "application/sdp")
            .body(self.sdp.clone());
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        request.send().await.unwrap()
    }

    /// Posts the offer again and again, as viewers do that come before the publisher.
    async fn post_until_live(&self, endpoint: &str) -> Response {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let response = self.post(endpoint, None).await;
            if response.status() != StatusCode::CONFLICT || Instant::now() > deadline {
                return response;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Takes the answer of a 201 and waits until the connection stands.
    async fn accept(&mut self, endpoint: &str, key: Option<&str>, response: Response) -> Resource {
        assert_eq!(
            response.status(),
            StatusCode::CREATED,
            "{:?}",
            response.text().await
        );
        let content_type = &response.headers()[header::CONTENT_TYPE];
        assert_eq!(content_type, "application/sdp");
        let location = response.headers()[header::LOCATION].to_str().unwrap();
        let url = Url::parse(endpoint).unwrap().join(location).unwrap();
        let answer = response.text().await.unwrap();
        assert!(answer.contains("a=candidate:"), "{answer}");
        let answer = RTCSessionDescription::answer(answer).unwrap();
        self.peer.set_remote_description(answer).await.unwrap();
        self.wait_for(RTCPeerConnectionState::Connected).await;
        Resource {
            url,
            key: key.map(str::to_owned),
        }
    }

    async fn wait_for(&mut self, wanted: RTCPeerConnectionState) {
        let reached = self.state.wait_for(|state| *state == wanted);
        timeout(PATIENCE, reached)
            .await
            .unwrap_or_else(|_| panic!("the connection does not become {wanted}"))
            .unwrap();
    }
}

/// The address of a session.
pub struct Resource {
    pub url: Url,
    key: Option<String>,
}

impl Resource {
    /// Ends the session.
    pub async fn delete(&self) -> StatusCode {
        let mut request = reqwest::Client::new().delete(self.url.clone());
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        request.send().await.unwrap().status()
    }
}

/// A publisher that sends a video over and over, with sound.
pub struct Publisher {
    client: Client,
    pub resource: Resource,
    pump: JoinHandle<()>,
}

impl Publisher {
    /// Publishes by WHIP.
    pub async fn start(endpoint: &str, key: &str, video: Arc<Video>) -> Self {
        let video_track = local_track(video_codec(&video), RtpCodecKind::Video, VIDEO_SSRC);
        let audio_track = local_track(opus(), RtpCodecKind::Audio, AUDIO_SSRC);
        let role = Role::Publisher(video_track.clone(), audio_track.clone());
        let mut client = Client::new(&video, role).await;
        let response = client.post(endpoint, Some(key)).await;
        let resource = client.accept(endpoint, Some(key), response).await;
        let requests = client.keyframe_requests.clone();
        let pump = tokio::spawn(pump(video, video_track, audio_track, requests));
        Self {
            client,
            resource,
            pump,
        }
    }

    /// Keyframe requests that arrived until now.
    pub fn keyframe_requests(&self) -> u64 {
        *self.client.keyframe_requests.borrow()
    }

    /// Waits until more than `count` keyframe requests have arrived.
    pub async fn asked_more_than(&mut self, count: u64) {
        let more = self.client.keyframe_requests.wait_for(|now| *now > count);
        timeout(PATIENCE, more)
            .await
            .expect("no keyframe request arrives")
            .unwrap();
    }

    /// Sends no more media and says no goodbye; its connection stays up, as with a client that hangs.
    pub fn fall_silent(&self) {
        self.pump.abort();
    }

    /// Closes after the session was ended.
    pub async fn close(self) {
        self.pump.abort();
        self.client.peer.close().await.unwrap();
    }
}

/// The data channel of a viewer that looks at nothing else.
pub struct RoomChannel {
    client: Client,
    channel: Arc<dyn DataChannel>,
}

impl RoomChannel {
    /// Opens a WHEP session with a channel to its room.
    pub async fn open(endpoint: &str, video: &Video) -> Self {
        let mut client = Client::new(video, Role::Chatter).await;
        let response = client.post_until_live(endpoint).await;
        let channel = client.channel.take().unwrap();
        client.accept(endpoint, None, response).await;
        let opened = async {
            while let Some(event) = channel.poll().await {
                if matches!(event, DataChannelEvent::OnOpen) {
                    return;
                }
            }
            panic!("the channel does not open");
        };
        timeout(PATIENCE, opened).await.expect("an open channel");
        Self { client, channel }
    }

    pub async fn say_text(&self, text: &str) {
        self.channel.send_text(text).await.unwrap();
    }

    /// The next message; none when the channel is closed.
    pub async fn hear_text(&self) -> Option<String> {
        loop {
            if let DataChannelEvent::OnMessage(message) = self.channel.poll().await? {
                assert!(message.is_string);
                return Some(String::from_utf8(message.data.to_vec()).unwrap());
            }
        }
    }

    pub async fn close(self) {
        self.client.peer.close().await.unwrap();
    }
}

/// A viewer and what it received.
pub struct Viewer {
    client: Client,
    pub resource: Resource,
    video: InOrder,
    audio: InOrder,
    video_track: Arc<dyn TrackRemote>,
}

impl Viewer {
    /// An offer for the response of a stream, whatever it is.
    pub async fn offer(endpoint: &str, video: &Video) -> Response {
        let client = Client::new(video, Role::Viewer).await;
        client.post(endpoint, None).await
    }

    /// Watches by WHEP; comes back when both tracks are there.
    pub async fn start(endpoint: &str, video: &Video) -> Self {
        Self::of(Client::new(video, Role::Viewer).await, endpoint).await
    }

    /// The same by way of a relay and no other.
    pub async fn start_relayed(endpoint: &str, video: &Video, relay: &Relay) -> Self {
        let client = Client::with_relay(video, Role::Viewer, Some(relay)).await;
        assert!(client.sdp.contains("typ relay"), "{}", client.sdp);
        assert!(!client.sdp.contains("typ host"), "{}", client.sdp);
        Self::of(client, endpoint).await
    }

    /// Whether a relay gives an address.
    pub async fn gathers_relayed(video: &Video, relay: &Relay) -> bool {
        let client = Client::with_relay(video, Role::Viewer, Some(relay)).await;
        client.peer.close().await.unwrap();
        client.sdp.contains("typ relay")
    }

    async fn of(mut client: Client, endpoint: &str) -> Self {
        let response = client.post_until_live(endpoint).await;
        let resource = client.accept(endpoint, None, response).await;
        let (mut video_rx, mut audio_rx, mut video_track) = (None, None, None);
        while video_rx.is_none() || audio_rx.is_none() {
            let track = timeout(PATIENCE, client.tracks.recv())
                .await
                .expect("a track is missing")
                .unwrap();
            let (sender, receiver) = mpsc::channel(RECEIVED);
            match track.kind().await {
                RtpCodecKind::Audio => audio_rx = Some(receiver),
                _ => {
                    video_rx = Some(receiver);
                    video_track = Some(track.clone());
                }
            }
            tokio::spawn(async move {
                while let Some(event) = track.poll().await {
                    if let TrackRemoteEvent::OnRtpPacket(packet) = event
                        && sender.send(packet).await.is_err()
                    {
                        break;
                    }
                }
            });
        }
        Self {
            client,
            resource,
            video: InOrder::new(video_rx.unwrap()),
            audio: InOrder::new(audio_rx.unwrap()),
            video_track: video_track.unwrap(),
        }
    }

    /// The next video packets.
    pub async fn video(&mut self, count: usize) -> Vec<Packet> {
        self.video.take(count).await
    }

    /// The next audio packets.
    pub async fn audio(&mut self, count: usize) -> Vec<Packet> {
        self.audio.take(count).await
    }

    /// Reports a lost picture (RFC 4585 section 6.3.1).
    pub async fn ask_for_keyframe(&self) {
        let media_ssrc = self.video_track.ssrcs().await[0];
        let request = PictureLossIndication {
            sender_ssrc: 1,
            media_ssrc,
        };
        self.video_track
            .write_rtcp(vec![Box::new(request)])
            .await
            .unwrap();
    }

    /// Waits until the server has said goodbye by DTLS (`close_notify`).
    pub async fn closed_by_server(&self) {
        let receivers = self.client.peer.get_receivers().await;
        let transport = receivers[0].transport().await.unwrap().unwrap();
        until("close_notify", || async {
            transport.state().await.unwrap() == RTCDtlsTransportState::Closed
        })
        .await;
    }

    /// Closes after the session was ended.
    pub async fn close(self) {
        self.client.peer.close().await.unwrap();
    }
}

/// Packets by their numbers. On a busy machine a socket's buffer overflows now and then: then the
/// packet comes later, on request of the receiver (NACK). What never comes fails the test.
struct InOrder {
    packets: mpsc::Receiver<Packet>,
    early: HashMap<u16, Packet>,
    next: Option<u16>,
}

impl InOrder {
    fn new(packets: mpsc::Receiver<Packet>) -> Self {
        Self {
            packets,
            early: HashMap::new(),
            next: None,
        }
    }

    async fn take(&mut self, count: usize) -> Vec<Packet> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            if let Some(packet) = self.next.and_then(|next| self.early.remove(&next)) {
                self.next = Some(packet.header.sequence_number.wrapping_add(1));
                taken.push(packet);
                continue;
            }
            let received = timeout(PATIENCE, self.packets.recv()).await;
            let packet = received
                .unwrap_or_else(|_| panic!("media stops after {} packets", taken.len()))
                .expect("the track ended");
            let number = packet.header.sequence_number;
            let next = *self.next.get_or_insert(number);
            // RFC 3550 appendix A.1: numbers wrap around; what lies behind came twice.
            if number.wrapping_sub(next) < 0x8000 {
                self.early.insert(number, packet);
            }
            assert!(
                self.early.len() < MISSING,
                "packet {next} is missing, {} after it are there",
                self.early.len()
            );
        }
        taken
    }
}

/// Sends in real time; begins again with a keyframe when one is asked for.
async fn pump(
    video: Arc<Video>,
    video_track: Arc<TrackLocalStaticRTP>,
    audio_track: Arc<TrackLocalStaticRTP>,
    mut keyframe_requests: watch::Receiver<u64>,
) {
    let source = Source::new();
    let mut ticks = interval(FRAME_TIME);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut frame, mut time, mut audio_time) = (0, 0_u32, 0_u32);
    let (mut sequence, mut audio_sequence) = (1000_u16, 2000_u16);
    loop {
        ticks.tick().await;
        if keyframe_requests.has_changed().unwrap_or(false) {
            keyframe_requests.mark_unchanged();
            frame = 0;
        }
        let payloads = &video.frames[frame];
        for (number, payload) in payloads.iter().enumerate() {
            let packet = Packet {
                header: Header {
                    version: 2,
                    marker: number + 1 == payloads.len(),
                    payload_type: video.payload_type,
                    sequence_number: sequence,
                    timestamp: time,
                    ssrc: VIDEO_SSRC,
                    ..Default::default()
                },
                payload: payload.clone().into(),
            };
            sequence = sequence.wrapping_add(1);
            if video_track.write_rtp(packet).await.is_err() {
                // The connection is closed.
                return;
            }
        }
        time = time.wrapping_add(crate::media::FRAME_TICKS);
        frame = (frame + 1) % video.frames.len();
        // As many packets of 20 ms as have become due; times run at 48 against 90 kHz.
        while u64::from(audio_time) * 90 < u64::from(time) * 48 {
            let packet = Packet {
                header: Header {
                    version: 2,
                    payload_type: OPUS,
                    sequence_number: audio_sequence,
                    timestamp: audio_time,
                    ssrc: AUDIO_SSRC,
                    ..Default::default()
                },
                payload: source.audio().to_vec().into(),
            };
            audio_sequence = audio_sequence.wrapping_add(1);
            audio_time += 960;
            if audio_track.write_rtp(packet).await.is_err() {
                return;
            }
        }
    }
}

fn local_track(
    codec: RTCRtpCodecParameters,
    kind: RtpCodecKind,
    ssrc: u32,
) -> Arc<TrackLocalStaticRTP> {
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            ..Default::default()
        },
        codec: codec.rtp_codec,
        ..Default::default()
    };
    Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
        "weir-test".to_owned(),
        format!("{kind}"),
        format!("{kind}"),
        kind,
        vec![encoding],
    )))
}

fn video_codec(video: &Video) -> RTCRtpCodecParameters {
    let feedback = [("nack", ""), ("nack", "pli"), ("ccm", "fir")];
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: video.mime.to_owned(),
            clock_rate: 90_000,
            channels: 0,
            sdp_fmtp_line: video.fmtp.to_owned(),
            rtcp_feedback: feedback
                .map(|(typ, parameter)| RTCPFeedback {
                    typ: typ.to_owned(),
                    parameter: parameter.to_owned(),
                })
                .to_vec(),
        },
        payload_type: video.payload_type,
    }
}

fn opus() -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: MIME_TYPE_OPUS.to_owned(),
            clock_rate: 48_000,
            channels: 2,
            sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
            rtcp_feedback: vec![],
        },
        payload_type: OPUS,
    }
}

/// Counts PLIs that arrive, and passes everything on.
struct CountKeyframeRequests {
    count: watch::Sender<u64>,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

impl CountKeyframeRequests {
    fn new(count: watch::Sender<u64>) -> Self {
        Self {
            count,
            read: VecDeque::new(),
            write: VecDeque::new(),
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for CountKeyframeRequests {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Self::Error> {
        if let Intercepted::Rtcp(packets) = &packet.message.packet {
            let plis = packets
                .iter()
                .filter(|packet| packet.as_any().is::<PictureLossIndication>())
                .count();
            if plis > 0 {
                self.count.send_modify(|count| *count += plis as u64);
            }
        }
        self.read.push_back(packet);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<Self::Rout> {
        self.read.pop_front()
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Self::Error> {
        self.write.push_back(packet);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<Self::Wout> {
        self.write.pop_front()
    }
}

impl Interceptor for CountKeyframeRequests {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
