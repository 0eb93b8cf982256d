//! One peer connection: str0m's `Rtc` with the contract kept in one place.
//!
//! Contract of str0m: after each input the output is polled until it asks for time. One relaxation,
//! measured and named here: the packets of one batch are written, then one timeout, then one drain.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::{
    Event, IceCreds, Input, Output, Rtc, RtcConfig, RtcError,
    change::SdpOffer,
    config::{DtlsCert, DtlsVersion},
    format::CodecConfig,
    media::{Direction, MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::ExtensionMap,
};

use weir_media::RtpTracks;
use weir_rtp::stun;

use crate::{
    OfferError,
    data::{BUFFERED_DATA, MAX_MESSAGE},
    demux::{Datagram, Peer},
    dtls::{self, Agreed},
    flexfec,
    ice::{Candidates, IceParameters},
    media_keys::MediaKeys,
    outbox::{Outbox, Path, Via},
    paths::Paths,
    sdp::{self, Role},
};

/// Between receiver reports to publishers on audio, as on video; also on video without RTX, which str0m
/// takes for audio. RFC 3550 section 6.2 scales the minimum of 5 s down with the session's bandwidth.
const REPORT_INTERVAL_AUDIO: Duration = Duration::from_secs(1);

/// How often str0m reports what counters need.
const STATS_INTERVAL: Duration = Duration::from_secs(2);

/// Addresses that a session may prove in its life. str0m remembers each; a client that roams for a
/// day behind a restless NAT has a few hundred, and one that sends from every port gets no further.
const MAX_PROVEN: u32 = 4_096;

/// The connection failed beyond repair.
#[derive(Debug)]
pub(crate) struct Failed;

/// What became of a datagram.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// Not for this session, or not authentic.
    Refused,
    /// Handed on.
    Taken,
    /// An authentic check, so its source is the peer.
    Checked {
        /// The restart is complete: this fragment is no longer ours.
        superseded: Option<String>,
    },
}

/// Both ends' credentials of one ICE generation.
struct Generation {
    local: IceCreds,
    remote: IceCreds,
}

pub(crate) struct Transport {
    pub(crate) rtc: Rtc,
    role: Role,
    /// When str0m wants to be called again.
    pub(crate) deadline: Instant,
    paths: Paths,
    candidates: Arc<Candidates>,
    generation: Generation,
    /// A restart that no nominated path has proven yet. Both generations are answered till then.
    restart: Option<Generation>,
    /// str0m, which knows one generation, has the restart's now.
    restart_installed: bool,
    restarts: u32,
    proven: u32,
    /// What the handshake agreed on, until it is asked for.
    pub(crate) agreed: Option<Agreed>,
    /// Of a publisher.
    pub(crate) media_keys: Option<MediaKeys>,
}

impl Transport {
    /// A connection that can take an offer. ICE-lite: our addresses are public, and the client checks.
    pub(crate) fn new(
        now: Instant,
        role: Role,
        creds: IceCreds,
        cert: &DtlsCert,
        candidates: &Arc<Candidates>,
        codecs: CodecConfig,
        extensions: ExtensionMap,
    ) -> Self {
        let mut config = RtcConfig::new()
            .set_crypto_provider(dtls::crypto_provider(role))
            .set_dtls_cert(cert.clone())
            // As a 1.2 server we choose the SRTP profile, and choose AES-GCM (see PERF in the docs).
            .set_dtls_version(DtlsVersion::Dtls12)
            .set_local_ice_credentials(creds.clone())
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_rtcp_report_interval_audio(REPORT_INTERVAL_AUDIO)
            // A viewer's figures are its egress's own.
            .set_stats_interval((role == Role::Publisher).then_some(STATS_INTERVAL))
            .set_sctp_max_message_size(MAX_MESSAGE as u32)
            .set_sctp_max_buffered_amount(BUFFERED_DATA)
            .set_extension_map(extensions);
        *config.codec_config() = codecs;
        let mut rtc = config.build(now);
        for candidate in candidates.list() {
            rtc.add_local_candidate(candidate);
        }
        Self {
            rtc,
            role,
            deadline: now,
            paths: Paths::default(),
            candidates: candidates.clone(),
            generation: Generation {
                local: creds,
                // The offer tells.
                remote: IceCreds {
                    ufrag: String::new(),
                    pass: String::new(),
                },
            },
            restart: None,
            restart_installed: false,
            restarts: 0,
            proven: 0,
            agreed: None,
            media_keys: None,
        }
    }

    /// Answers the offer; candidates are in the answer. Gives the m-lines too, since str0m tells of
    /// them only once the peer is connected. `flexfec`: payload types of FlexFEC by m-line, where it
    /// is to be answered.
    pub(crate) fn accept(
        &mut self,
        offer: SdpOffer,
        flexfec: &[Option<u8>],
        outbox: &mut Outbox,
    ) -> Result<(String, Vec<(Mid, MediaKind)>), OfferError> {
        if let Some(parameters) = IceParameters::find(&offer.to_sdp_string()) {
            self.generation.remote = parameters.credentials();
        }
        let answer = self
            .rtc
            .sdp_api()
            .accept_offer(offer)
            .map_err(|error| match error {
                RtcError::RemoteSdp(why) => OfferError::Malformed(why),
                error => OfferError::Malformed(error.to_string()),
            })?;
        let mut events = Vec::new();
        self.drain(outbox, &mut events)
            .map_err(|Failed| OfferError::Malformed("it cannot be answered".to_owned()))?;
        let mut answer = sdp::finish_answer(&answer.to_sdp_string());
        if flexfec.iter().any(Option::is_some) {
            let api = self.rtc.direct_api();
            answer = flexfec::add_to_answer(&answer, flexfec, || *api.new_ssrc());
        }
        let media = sdp::mids(&answer)
            .filter_map(|mid| self.rtc.media(mid))
            .map(|media| (media.mid(), media.kind()))
            .collect();
        Ok((answer, media))
    }

    /// An offer of these tracks, with all candidates. None without any. The connection is of no more use:
    /// the answer is taken by another one under the same credentials.
    pub(crate) fn offer(mut self, tracks: RtpTracks) -> Option<String> {
        let mut api = self.rtc.sdp_api();
        let audio = tracks.audio.then_some(MediaKind::Audio);
        let video = tracks.video.map(|_| MediaKind::Video);
        for kind in audio.into_iter().chain(video) {
            api.add_media(kind, Direction::SendOnly, None, None, None);
        }
        let (offer, _) = api.apply()?;
        Some(sdp::finish_answer(&offer.to_sdp_string()))
    }

    /// Where everything goes that is no answer to a check. None: nowhere now.
    pub(crate) fn path(&self) -> Option<Path> {
        self.paths.current()
    }

    /// Begins a restart (RFC 8445 section 9) or replaces one that is not proven. What was agreed
    /// stays in force, and media stays where it is, until the peer nominates a path of the restart.
    /// Gives the fragment of the restart that this one replaces.
    pub(crate) fn restart(&mut self, local: IceCreds, remote: IceCreds) -> Option<String> {
        self.restarts = self.restarts.saturating_add(1);
        let replaced = self.restart.replace(Generation { local, remote })?;
        if std::mem::take(&mut self.restart_installed) {
            install(&mut self.rtc, &self.generation);
        }
        Some(replaced.local.ufrag)
    }

    /// Our credentials when the peer's are these already: of this generation or of the restart.
    pub(crate) fn answered(&self, remote: &IceCreds) -> Option<Answered<'_>> {
        if self.generation.remote == *remote {
            return Some(Answered::Now);
        }
        let restart = self.restart.as_ref()?;
        (restart.remote == *remote).then_some(Answered::Restart(&restart.local))
    }

    /// How many restarts were begun.
    pub(crate) fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Our fragment.
    pub(crate) fn fragment(&self) -> &str {
        &self.generation.local.ufrag
    }

    /// The fragment of a restart under way.
    pub(crate) fn restart_fragment(&self) -> Option<&str> {
        Some(&self.restart.as_ref()?.local.ufrag)
    }

    /// Candidates of ours, for the answer to a restart.
    pub(crate) fn candidate_lines(&self) -> Vec<String> {
        self.candidates.lines()
    }

    /// Takes one datagram. `known`: the source has proven itself before.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        datagram: Datagram<'_>,
        known: bool,
    ) -> Received {
        let Datagram {
            source: Peer { address, via },
            destination,
            arrived,
            contents,
        } = datagram;
        let path = Path {
            source: self.candidates.of_local(destination, via),
            destination: address,
            via,
        };
        if stun::is_stun(contents) {
            return self.check(now, path, contents, known);
        }
        self.paths.heard(now, &path);
        // What the peer is told of arrivals is what it finds its bandwidth by.
        self.input(arrived, path, contents);
        Received::Taken
    }

    /// A check, which must be authentic each time: it keeps the session alive and moves its media.
    fn check(&mut self, now: Instant, path: Path, datagram: &[u8], known: bool) -> Received {
        let message = stun::Message::parse(datagram).filter(stun::Message::is_request);
        let Some((message, (ours, theirs))) = message.and_then(|m| Some((m, m.fragments()?)))
        else {
            return Received::Refused;
        };
        let of_restart = self
            .restart
            .as_ref()
            .is_some_and(|restart| restart.local.ufrag == ours);
        let generation = match &self.restart {
            Some(restart) if of_restart => restart,
            Some(_) | None => &self.generation,
        };
        if generation.local.ufrag != ours
            || generation.remote.ufrag != theirs
            || !message.is_authentic(&generation.local.pass)
        {
            return Received::Refused;
        }
        if !known {
            if self.proven >= MAX_PROVEN {
                return Received::Refused;
            }
            self.proven += 1;
        }
        if self.restart_installed != of_restart {
            install(&mut self.rtc, generation);
            self.restart_installed = of_restart;
        }
        self.input(now, path, datagram);
        let nominates = message.nominates();
        let mut superseded = None;
        if of_restart
            && nominates
            && let Some(restart) = self.restart.take()
        {
            let old = std::mem::replace(&mut self.generation, restart);
            superseded = Some(old.local.ufrag);
            self.restart_installed = false;
            self.paths.restart();
        }
        if self.paths.checked(now, path, nominates) {
            tracing::debug!(?path, "path chosen");
        }
        Received::Checked { superseded }
    }

    /// The peer is there no more.
    pub(crate) fn closed(&mut self, via: Via, peer: SocketAddr) {
        self.paths
            .closed(|path| path.via == via && path.destination == peer);
    }

    fn input(&mut self, arrived: Instant, path: Path, datagram: &[u8]) {
        let protocol = protocol(path.via);
        let receive = Receive::new(protocol, path.destination, path.source, datagram);
        let Ok(receive) = receive else { return };
        // An error here is about this datagram; what it did to the session shows in the drain.
        if let Err(error) = self.rtc.handle_input(Input::Receive(arrived, receive)) {
            tracing::debug!(%error, "datagram refused");
        }
    }

    /// Takes all outgoing streams away from str0m: it neither sends on them nor reports on them.
    pub(crate) fn forget_streams(&mut self, media: &[(Mid, MediaKind)]) {
        let mut api = self.rtc.direct_api();
        for (mid, _) in media {
            if let Some(ssrc) = api.stream_tx_by_mid(*mid, None).map(|stream| stream.ssrc()) {
                api.remove_stream_tx(ssrc);
            }
        }
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, now: Instant) {
        if let Err(error) = self.rtc.handle_input(Input::Timeout(now)) {
            tracing::debug!(%error, "timeout refused");
        }
    }

    /// Polls all output: datagrams into the outbox, events into `events`.
    pub(crate) fn drain(
        &mut self,
        outbox: &mut Outbox,
        events: &mut Vec<Event>,
    ) -> Result<(), Failed> {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Transmit(t)) => {
                    let path = if stun::is_stun(&t.contents) {
                        // Back where the check came from. str0m does not tell a relay from UDP.
                        let over = |via| protocol(via) == t.proto;
                        self.paths.checked_between(t.source, t.destination, over)
                    } else {
                        self.paths.current()
                    };
                    // RFC 7983: a viewer's RTP and RTCP is our egress's alone; str0m has no key to
                    // seal it with. Towards a publisher it says much, under a key of its own.
                    let media = t.contents.first().is_some_and(|b| (128..192).contains(b));
                    let Some(path) = path else { continue };
                    if !media {
                        outbox.push(path, &t.contents);
                    } else if let Some(keys) = &mut self.media_keys
                        && let Some(sealed) = keys.reseal(&t.contents)
                    {
                        outbox.push(path, &sealed);
                    }
                }
                Ok(Output::Event(event)) => {
                    if let (Event::Connected, Some(agreed)) = (&event, dtls::take_agreed()) {
                        if self.role == Role::Publisher {
                            self.media_keys = MediaKeys::new(&agreed);
                        }
                        self.agreed = Some(agreed);
                    }
                    events.push(event);
                }
                Ok(Output::Timeout(at)) => {
                    self.deadline = at;
                    return if self.rtc.is_alive() {
                        Ok(())
                    } else {
                        Err(Failed)
                    };
                }
                Err(error) => {
                    tracing::debug!(%error, "session failed");
                    return Err(Failed);
                }
            }
        }
    }

    /// Sends an RTCP compound of ours to a publisher.
    pub(crate) fn send_rtcp(&mut self, compound: Vec<u8>, outbox: &mut Outbox) {
        if let (Some(path), Some(keys)) = (self.paths.current(), &mut self.media_keys)
            && let Some(sealed) = keys.seal(compound)
        {
            outbox.push(path, &sealed);
        }
    }

    /// Says goodbye: RTCP BYE and DTLS close_notify.
    pub(crate) fn close(&mut self, now: Instant, outbox: &mut Outbox) {
        if self.rtc.close().is_ok() {
            let mut events = Vec::new();
            let _ = self.drain(outbox, &mut events);
            self.advance(now);
            let _ = self.drain(outbox, &mut events);
        }
    }
}

/// Whose answer a peer's credentials have had.
#[derive(Debug)]
pub(crate) enum Answered<'a> {
    /// They are the session's present ones.
    Now,
    /// They began the restart under way; these are ours.
    Restart(&'a IceCreds),
}

/// What str0m takes it for.
fn protocol(via: Via) -> Protocol {
    match via {
        Via::Udp | Via::Relay => Protocol::Udp,
        Via::Tcp => Protocol::Tcp,
    }
}

fn install(rtc: &mut Rtc, generation: &Generation) {
    let mut api = rtc.direct_api();
    api.set_local_ice_credentials(generation.local.clone());
    api.set_remote_ice_credentials(generation.remote.clone());
}
