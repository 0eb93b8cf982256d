//! Shards and clients in virtual time, with a network between them that delays and loses.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use str0m::{
    Candidate, Event, Input, Output as RtcOutput, Rtc, RtcConfig,
    change::{SdpAnswer, SdpPendingOffer},
    channel::{ChannelData, ChannelId},
    config::DtlsVersion,
    media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer},
    net::{Protocol, Receive, TcpType},
    rtp::{RawPacket, RtpPacket, RtpWrite, rtcp::Rtcp},
};
use weir_sfu_core::{
    DataEvent, Flexfec, IceAnswer, IceParameters, LayerId, MediaPacket, OfferError, Output,
    SessionId, SfuEvent, Shard, ShardConfig, ShardMessage, SourceInfo, StreamId, Via, Wallclock,
};

pub const STREAM: StreamId = StreamId(1);

/// Payload type under which viewers offer FlexFEC, which str0m does not know.
pub const FLEXFEC: u8 = 49;

/// One-way delay of the network unless a test says otherwise.
const DELAY: Duration = Duration::from_millis(15);

pub struct World {
    pub start: Instant,
    pub now: Instant,
    pub shards: Vec<Shard>,
    pub clients: Vec<Client>,
    pub events: Vec<(Duration, SfuEvent)>,
    pub live: Option<SourceInfo>,
    pub bridge_keyframes: usize,
    /// Which layers they were for.
    pub bridge_layers: Vec<Option<LayerId>>,
    pub bridge_replaced: usize,
    pub tapped: Vec<weir_media::RtpPacket>,
    /// Media packets that one shard gave to another.
    pub forwarded: Vec<(Instant, Arc<MediaPacket>)>,
    /// What the viewers of each shard need.
    pub needed: Vec<u8>,
    pub sent_segments: usize,
    /// Octets that the shards sent.
    pub sent_octets: u64,
    pub sends: usize,
    pub data: Vec<DataEvent>,
    /// The data channel that new clients open.
    pub channel: Option<&'static str>,
    /// What the shards asked to be closed.
    pub closed_tcp: Vec<SocketAddr>,
    /// Where TCP connections and relayed addresses were handed to.
    homes: HashMap<SocketAddr, usize>,
    network: VecDeque<(Instant, Hop)>,
    /// What new clients speak: what browsers do, or only what is older.
    pub dtls: DtlsVersion,
    /// Whether new viewers offer FlexFEC.
    pub offers_flexfec: bool,
    /// Datagrams of it that were sent.
    pub repairs: usize,
    /// Share of RTP datagrams that vanish.
    pub loss: f64,
    /// Share of RTCP datagrams that vanish.
    pub feedback_loss: f64,
    /// One-way delay.
    pub delay: Duration,
    random: u64,
    next_session: u128,
}

enum Hop {
    ToServer {
        from: SocketAddr,
        via: Via,
        bytes: Vec<u8>,
    },
    ToClient {
        to: SocketAddr,
        via: Via,
        bytes: Vec<u8>,
    },
}

pub struct Client {
    pub rtc: Rtc,
    pub addr: SocketAddr,
    /// The address that others see: what NAT makes of `addr`.
    pub outside: SocketAddr,
    pub via: Via,
    /// The answer to its offer.
    pub answer: String,
    pub channels: Vec<(ChannelId, String)>,
    pub messages: Vec<ChannelData>,
    pub channels_closed: usize,
    pub connected: bool,
    pub closed: bool,
    /// Cut off: nothing goes in or out.
    pub frozen: bool,
    pub video: Option<Mid>,
    pub audio: Option<Mid>,
    pub received: Vec<(Duration, RtpPacket)>,
    pub keyframe_requests: usize,
    /// The layers that they were for.
    pub keyframe_rids: Vec<Rid>,
    /// Sequence numbers that the peer asked to be resent.
    pub nacks: Vec<u16>,
    pub session: SessionId,
}

pub fn server() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 7882))
}

impl World {
    pub fn new(shards: u16) -> Self {
        log();
        let start = Instant::now();
        let shard = |number| {
            let mut shard = Shard::new(
                start,
                ShardConfig {
                    shard: number,
                    shards,
                    candidates: vec![server()],
                    publisher_timeout: Duration::from_secs(5),
                    grace: Duration::ZERO,
                    playout_delay: (0, 20),
                    flexfec: Flexfec::Always,
                    wallclock: Wallclock::new(start, SystemTime::now()),
                    max_gso_segments: 64,
                },
            )
            .unwrap();
            shard.set_candidates(vec![server()], vec![server()]);
            shard
        };
        Self {
            start,
            now: start,
            shards: (0..shards).map(shard).collect(),
            clients: Vec::new(),
            events: Vec::new(),
            live: None,
            bridge_keyframes: 0,
            bridge_layers: Vec::new(),
            bridge_replaced: 0,
            tapped: Vec::new(),
            forwarded: Vec::new(),
            needed: vec![0; shards.into()],
            sent_segments: 0,
            sent_octets: 0,
            sends: 0,
            data: Vec::new(),
            channel: None,
            closed_tcp: Vec::new(),
            homes: HashMap::new(),
            network: VecDeque::new(),
            dtls: DtlsVersion::Auto,
            offers_flexfec: false,
            repairs: 0,
            loss: 0.0,
            feedback_loss: 0.0,
            delay: DELAY,
            random: 0x853c_49e6_748f_ea9b,
            next_session: 0,
        }
    }

    pub fn home(&mut self) -> &mut Shard {
        let home = Shard::home(STREAM, self.shards.len() as u16);
        &mut self.shards[usize::from(home)]
    }

    pub fn session_id(&mut self) -> SessionId {
        self.next_session += 1;
        SessionId(self.next_session)
    }

    /// A new publisher; gives its index.
    pub fn publish(&mut self, config: RtcConfig) -> usize {
        self.publish_layers(config, &[]).unwrap().0
    }

    /// A new publisher with simulcast layers; gives its index and the answer.
    pub fn publish_layers(
        &mut self,
        config: RtcConfig,
        rids: &[&str],
    ) -> Result<(usize, String), OfferError> {
        let (mut client, pending, offer) = self.client(config, Direction::SendOnly, Via::Udp, rids);
        let id = self.session_id();
        let now = self.now;
        let answer = self.home().handle_publish(now, STREAM, id, &offer)?;
        client.session = id;
        let index = self.join(client, pending, &answer);
        Ok((index, answer))
    }

    /// A new viewer at a shard.
    pub fn view(&mut self, shard: usize, config: RtcConfig) -> Result<usize, OfferError> {
        self.view_over(shard, config, Via::Udp)
    }

    /// A new viewer at a shard, over UDP or something else.
    pub fn view_over(
        &mut self,
        shard: usize,
        config: RtcConfig,
        via: Via,
    ) -> Result<usize, OfferError> {
        let source = self.live.clone().expect("the stream is live");
        let (mut client, pending, mut offer) = self.client(config, Direction::RecvOnly, via, &[]);
        if self.offers_flexfec {
            offer = with_flexfec(&offer);
        }
        let id = self.session_id();
        let answer = self.shards[shard].handle_view(self.now, STREAM, id, &source, &offer)?;
        client.session = id;
        Ok(self.join(client, pending, &answer))
    }

    fn client(
        &self,
        config: RtcConfig,
        dir: Direction,
        via: Via,
        rids: &[&str],
    ) -> (Client, SdpPendingOffer, String) {
        let addr = SocketAddr::from(([198, 51, 100, 1], 10_000 + self.clients.len() as u16));
        let mut rtc = config
            .set_dtls_version(self.dtls)
            .set_rtp_mode(true)
            .enable_raw_packets(true)
            .build(self.now);
        let candidate = Candidate::builder();
        let candidate = if via == Via::Tcp {
            candidate.tcp().host(addr).tcptype(TcpType::Active).build()
        } else {
            candidate.udp().host(addr).build()
        };
        rtc.add_local_candidate(candidate.unwrap());
        let mut api = rtc.sdp_api();
        let audio = api.add_media(MediaKind::Audio, dir, None, None, None);
        let simulcast = (!rids.is_empty()).then(|| {
            let mut simulcast = Simulcast::new();
            for rid in rids {
                simulcast.add_send_layer(SimulcastLayer::new(rid));
            }
            simulcast
        });
        let video = api.add_media(MediaKind::Video, dir, None, None, simulcast);
        if let Some(label) = self.channel {
            api.add_channel(label.to_owned());
        }
        let (offer, pending) = api.apply().unwrap();
        let client = Client {
            rtc,
            addr,
            outside: addr,
            via,
            answer: String::new(),
            channels: Vec::new(),
            messages: Vec::new(),
            channels_closed: 0,
            connected: false,
            closed: false,
            frozen: false,
            video: Some(video),
            audio: Some(audio),
            received: Vec::new(),
            keyframe_requests: 0,
            keyframe_rids: Vec::new(),
            nacks: Vec::new(),
            session: SessionId(0),
        };
        (client, pending, offer.to_sdp_string())
    }

    fn join(&mut self, mut client: Client, pending: SdpPendingOffer, answer: &str) -> usize {
        client.answer = answer.to_owned();
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        client.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        self.clients.push(client);
        self.clients.len() - 1
    }

    /// Lets time pass, a millisecond at a time.
    pub fn run(&mut self, millis: u64) {
        for _ in 0..millis {
            self.now += Duration::from_millis(1);
            while self.network.front().is_some_and(|(at, _)| *at <= self.now) {
                let Some((_, hop)) = self.network.pop_front() else {
                    break;
                };
                self.arrive(hop);
            }
            for shard in &mut self.shards {
                shard.handle_timeout(self.now);
            }
            for index in 0..self.clients.len() {
                let client = &mut self.clients[index];
                if !client.frozen && client.rtc.is_alive() {
                    client.rtc.handle_input(Input::Timeout(self.now)).unwrap();
                }
                self.drain_client(index);
            }
            self.drain_shards();
        }
    }

    pub fn run_until(&mut self, limit: u64, mut done: impl FnMut(&Self) -> bool) {
        for _ in 0..limit {
            if done(self) {
                return;
            }
            self.run(1);
        }
        panic!("not within {limit} ms");
    }

    /// The client goes to another network: its old address is gone.
    pub fn roam(&mut self, client: usize, addr: SocketAddr) {
        let client = &mut self.clients[client];
        (client.addr, client.outside) = (addr, addr);
        let candidate = Candidate::host(addr, "udp").unwrap();
        client.rtc.add_local_candidate(candidate);
    }

    /// The client restarts ICE; what its shard says of that. `heard`: the answer arrives.
    pub fn restart_ice(&mut self, client: usize, heard: bool) -> IceAnswer {
        let client = &mut self.clients[client];
        let mut api = client.rtc.sdp_api();
        api.ice_restart(true);
        let (offer, pending) = api.apply().unwrap();
        let parameters = IceParameters::find(&offer.to_sdp_string()).unwrap();
        let restart = |shard: &mut Shard| shard.handle_ice_restart(client.session, &parameters);
        let answer = self.shards.iter_mut().find_map(|s| restart(s).ok());
        let answer = answer.expect("a shard has the session");
        if heard {
            let sdp = restarted(&client.answer, &answer);
            let sdp = SdpAnswer::from_sdp_string(&sdp).unwrap();
            client.rtc.sdp_api().accept_answer(pending, sdp).unwrap();
        }
        answer
    }

    pub fn connect(&mut self, client: usize) {
        self.run_until(5_000, |world| world.clients[client].connected);
    }

    fn arrive(&mut self, hop: Hop) {
        match hop {
            Hop::ToServer {
                from,
                via: via @ (Via::Tcp | Via::Relay),
                bytes,
            } => {
                let first = Shard::of_check(&bytes).map(usize::from);
                let shard = match self.homes.get(&from).copied().or(first) {
                    Some(shard) if shard < self.shards.len() => shard,
                    Some(_) | None => return,
                };
                self.homes.insert(from, shard);
                let shard = &mut self.shards[shard];
                shard.handle_packet(self.now, via, from, server(), self.now, &bytes);
                self.drain_shards();
            }
            Hop::ToServer {
                from,
                via: Via::Udp,
                bytes,
            } => {
                // As SO_REUSEPORT does, by a hash of the address.
                let shard = usize::from(from.port()) % self.shards.len();
                self.shards[shard].handle_datagram(self.now, from, server(), self.now, &bytes);
                self.drain_shards();
            }
            Hop::ToClient { to, via, bytes } => {
                let reached = |c: &Client| c.outside == to && c.via == via && !c.frozen;
                let Some(index) = self.clients.iter().position(reached) else {
                    return;
                };
                let client = &mut self.clients[index];
                let protocol = match via {
                    Via::Tcp => Protocol::Tcp,
                    Via::Udp | Via::Relay => Protocol::Udp,
                };
                if let Ok(receive) = Receive::new(protocol, server(), client.addr, &bytes) {
                    let _ = client.rtc.handle_input(Input::Receive(self.now, receive));
                }
                self.drain_client(index);
            }
        }
    }

    fn drain_client(&mut self, index: usize) {
        loop {
            let since = self.now - self.start;
            let client = &mut self.clients[index];
            match client.rtc.poll_output() {
                Ok(RtcOutput::Timeout(_)) | Err(_) => return,
                Ok(RtcOutput::Transmit(t)) => {
                    // What leaves from an address that the client has no more goes nowhere.
                    let frozen = client.frozen || t.source != client.addr;
                    let (from, via) = (client.outside, client.via);
                    if !frozen && !self.lost(&t.contents) {
                        let hop = Hop::ToServer {
                            from,
                            via,
                            bytes: t.contents.to_vec(),
                        };
                        self.network.push_back((self.now + self.delay, hop));
                    }
                }
                Ok(RtcOutput::Event(event)) => match event {
                    Event::Connected => client.connected = true,
                    Event::Closed => client.closed = true,
                    Event::RtpPacket(packet) => client.received.push((since, packet)),
                    Event::KeyframeRequest(request) => {
                        client.keyframe_requests += 1;
                        client.keyframe_rids.extend(request.rid);
                    }
                    Event::ChannelOpen(id, label) => client.channels.push((id, label)),
                    Event::ChannelData(data) => client.messages.push(data),
                    Event::ChannelClose(_) => client.channels_closed += 1,
                    Event::RawPacket(raw) => {
                        if let RawPacket::RtcpRx(Rtcp::Nack(nack)) = *raw {
                            for entry in nack.reports.iter() {
                                client.nacks.push(entry.pid);
                                let after = (0..16).filter(|bit| entry.blp & (1 << bit) != 0);
                                client
                                    .nacks
                                    .extend(after.map(|bit| entry.pid.wrapping_add(bit + 1)));
                            }
                        }
                    }
                    _ => {}
                },
            }
        }
    }

    fn drain_shards(&mut self) {
        loop {
            let mut quiet = true;
            for index in 0..self.shards.len() {
                while let Some(output) = self.shards[index].poll_output() {
                    quiet = false;
                    match output {
                        Output::Event(event) => self.events.push((self.now - self.start, event)),
                        Output::Data(event) => self.data.push(event),
                        Output::CloseTcp { peer } => self.closed_tcp.push(peer),
                        Output::Live { info, .. } => self.live = info,
                        Output::Forward { shard, message } => {
                            if let ShardMessage::Media { packet, .. } = &message {
                                self.forwarded.push((self.now, packet.clone()));
                            }
                            self.shards[usize::from(shard)].handle_message(self.now, message);
                        }
                        Output::BridgeKeyframe { layer, .. } => {
                            self.bridge_keyframes += 1;
                            self.bridge_layers.push(layer);
                        }
                        Output::BridgeReplaced { .. } => self.bridge_replaced += 1,
                        Output::Needed { layers, .. } => self.needed[index] = layers,
                        Output::Tap { packet, .. } => self.tapped.push(packet),
                    }
                }
                while let Some(transmit) = self.shards[index].poll_transmit(self.now) {
                    quiet = false;
                    self.sends += 1;
                    self.sent_segments += transmit.segments();
                    self.sent_octets += transmit.contents.len() as u64;
                    for bytes in transmit.contents.chunks(transmit.segment) {
                        let flexfec = bytes.get(1).map(|byte| byte & 0x7f) == Some(FLEXFEC);
                        self.repairs += usize::from(flexfec && bytes[0] >> 6 == 2);
                        if !self.lost(bytes) {
                            let hop = Hop::ToClient {
                                to: transmit.path.destination,
                                via: transmit.path.via,
                                bytes: bytes.to_vec(),
                            };
                            self.network.push_back((self.now + self.delay, hop));
                        }
                    }
                }
            }
            if quiet {
                return;
            }
        }
    }

    pub fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn lost(&mut self, bytes: &[u8]) -> bool {
        if bytes.len() < 2 || !(128..192).contains(&bytes[0]) {
            return false;
        }
        // RFC 5761 section 4.
        let rtcp = (64..96).contains(&(bytes[1] & 0x7f));
        let loss = if rtcp { self.feedback_loss } else { self.loss };
        loss > 0.0 && ((self.random() >> 11) as f64 / (1_u64 << 53) as f64) < loss
    }

    /// When nothing came of a publisher any more, each time.
    pub fn lost_at(&self, session: SessionId) -> Vec<Duration> {
        let lost = self.events.iter().filter(|(_, event)| {
            matches!(event, SfuEvent::PublisherLost { session: s, .. } if *s == session)
        });
        lost.map(|(at, _)| *at).collect()
    }

    pub fn ended(&self, session: SessionId) -> Option<(Duration, weir_sfu_core::EndReason)> {
        self.events.iter().find_map(|(at, event)| match event {
            SfuEvent::PublisherEnded {
                session: s, reason, ..
            }
            | SfuEvent::ViewerEnded {
                session: s, reason, ..
            } if *s == session => Some((*at, *reason)),
            _ => None,
        })
    }
}

/// The offer as Chromium makes it: its last m-line, the video's, has FlexFEC too.
fn with_flexfec(offer: &str) -> String {
    let (before, video) = offer.split_once("m=video ").unwrap();
    let (media, attributes) = video.split_once("\r\n").unwrap();
    format!(
        "{before}m=video {media} {FLEXFEC}\r\n{attributes}a=rtpmap:{FLEXFEC} flexfec-03/90000\r\n\
         a=fmtp:{FLEXFEC} repair-window=10000000\r\n"
    )
}

impl Client {
    /// Writes one packet of a track.
    pub fn write(&mut self, kind: MediaKind, packet: Packet<'_>) {
        self.write_layer(kind, None, packet);
    }

    /// Writes one packet of a simulcast layer.
    pub fn write_layer(&mut self, kind: MediaKind, rid: Option<&str>, packet: Packet<'_>) {
        let mid = match kind {
            MediaKind::Video => self.video,
            MediaKind::Audio => self.audio,
        };
        let mid = mid.unwrap();
        let pts = self.rtc.media(mid).unwrap().remote_pts().to_vec();
        let pt = pts[0];
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, rid.map(Rid::from)).unwrap();
        stream.write_rtp(
            RtpWrite::new(
                pt,
                packet.seq.into(),
                packet.time,
                packet.wallclock,
                packet.payload,
            )
            .marker(packet.marker)
            .nackable(true),
        );
    }

    pub fn of(&self, kind: MediaKind) -> Vec<&RtpPacket> {
        let mid = match kind {
            MediaKind::Video => self.video,
            MediaKind::Audio => self.audio,
        };
        let media = self.rtc.media(mid.unwrap()).unwrap();
        let of_kind =
            |p: &&(Duration, RtpPacket)| media.remote_pts().contains(&p.1.header.payload_type);
        self.received
            .iter()
            .filter(of_kind)
            .map(|(_, packet)| packet)
            .collect()
    }

    /// Asks for a keyframe, as a decoder that lost its way.
    pub fn send_pli(&mut self) {
        let mid = self.video.unwrap();
        let mut api = self.rtc.direct_api();
        let stream = api.stream_rx_by_mid(mid, None).unwrap();
        stream.request_keyframe(str0m::media::KeyframeRequestKind::Pli);
    }
}

/// The answer with what a restart has changed.
pub fn restarted(answer: &str, restart: &IceAnswer) -> String {
    let old = |line: &&str| {
        !line.starts_with("a=candidate:")
            && !line.starts_with("a=ice-ufrag:")
            && !line.starts_with("a=ice-pwd:")
            && !line.starts_with("a=end-of-candidates")
    };
    let mut sdp = String::new();
    for line in answer.lines().filter(old) {
        sdp.push_str(line);
        sdp.push_str("\r\n");
        if line.starts_with("a=mid:") {
            sdp.push_str(&format!("a=ice-ufrag:{}\r\n", restart.ufrag));
            sdp.push_str(&format!("a=ice-pwd:{}\r\n", restart.pwd));
            for candidate in &restart.candidates {
                sdp.push_str(&format!("a={candidate}\r\n"));
            }
        }
    }
    sdp
}

pub struct Packet<'a> {
    pub seq: u64,
    pub time: u32,
    pub wallclock: Instant,
    pub marker: bool,
    pub payload: &'a [u8],
}

/// Plays a steady test stream: VP8 with 30 frames a second of 4 packets, Opus each 20 ms. The frame's
/// number and the packet's place in it stand in the payload.
pub struct Source {
    pub client: usize,
    pub frame: u64,
    pub seq: u64,
    pub audio: u64,
    /// Keyframe every so many frames; 0: only when asked.
    pub gop: u64,
    seen_requests: usize,
    started: Instant,
    /// How long after its capture video leaves the encoder.
    pub video_delay: Duration,
}

pub const PACKETS_PER_FRAME: u64 = 4;

impl Source {
    pub fn new(world: &World, client: usize) -> Self {
        Self {
            client,
            frame: 0,
            seq: 40_000,
            audio: 0,
            gop: 0,
            seen_requests: 0,
            started: world.now,
            video_delay: Duration::ZERO,
        }
    }

    /// Runs the world for some time while the source plays.
    pub fn play(&mut self, world: &mut World, millis: u64) {
        for _ in 0..millis {
            world.run(1);
            let elapsed = world.now - self.started;
            while self.video_delay + Duration::from_micros(self.frame * 33_333) <= elapsed {
                self.write_frame(world);
            }
            while Duration::from_millis(self.audio * 20) <= elapsed {
                self.write_audio(world);
            }
        }
    }

    pub fn write_frame(&mut self, world: &mut World) {
        let client = &mut world.clients[self.client];
        let asked = client.keyframe_requests > self.seen_requests;
        self.seen_requests = client.keyframe_requests;
        let key = self.frame == 0 || asked || (self.gop > 0 && self.frame.is_multiple_of(self.gop));
        let captured = self.started + Duration::from_micros(self.frame * 33_333);
        for part in 0..PACKETS_PER_FRAME {
            // VP8: descriptor with S at the frame's start, then the frame tag whose lowest bit is P.
            let mut payload = vec![if part == 0 { 0x10 } else { 0 }, u8::from(!key)];
            payload.extend(self.frame.to_be_bytes());
            payload.push(part as u8);
            payload.resize(
                if part == PACKETS_PER_FRAME - 1 {
                    300
                } else {
                    1_000
                },
                7,
            );
            let packet = Packet {
                seq: self.seq,
                time: (self.frame * 3_000) as u32,
                wallclock: captured,
                marker: part == PACKETS_PER_FRAME - 1,
                payload: &payload,
            };
            self.seq += 1;
            client.write(MediaKind::Video, packet);
        }
        self.frame += 1;
    }

    fn write_audio(&mut self, world: &mut World) {
        let captured = self.started + Duration::from_millis(self.audio * 20);
        let mut payload = vec![0xfc];
        payload.extend(self.audio.to_be_bytes());
        let packet = Packet {
            seq: 100 + self.audio,
            time: (self.audio * 960) as u32,
            wallclock: captured,
            marker: false,
            payload: &payload,
        };
        world.clients[self.client].write(MediaKind::Audio, packet);
        self.audio += 1;
    }
}

/// Frame number and place in the frame of a packet of [`Source`].
pub fn place(packet: &RtpPacket) -> (u64, u8) {
    let frame = packet.payload[2..10].try_into().unwrap();
    (u64::from_be_bytes(frame), packet.payload[10])
}

pub fn vp8() -> RtcConfig {
    RtcConfig::new()
        .clear_codecs()
        .enable_opus(true, false)
        .enable_vp8(true)
}

pub fn h264() -> RtcConfig {
    RtcConfig::new()
        .clear_codecs()
        .enable_opus(true, false)
        .enable_h264(true)
}

/// `RUST_LOG` shows what happens inside.
fn log() {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_test_writer()
        .try_init();
}
