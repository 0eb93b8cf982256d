//! One peer connection: str0m's `Rtc` with the contract kept in one place.
//!
//! Contract of str0m: after each input the output is polled until it asks for time. One relaxation,
//! measured and named here: the packets of one batch are written, then one timeout, then one drain.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use str0m::{
    Candidate, Event, IceCreds, Input, Output, Rtc, RtcConfig, RtcError,
    change::SdpOffer,
    config::{DtlsCert, DtlsVersion},
    format::CodecConfig,
    media::{MediaKind, Mid},
    net::{Protocol, Receive},
    rtp::ExtensionMap,
};

use crate::{OfferError, dtls, outbox::Outbox, sdp};

/// Packets kept per viewer to answer NACKs: 4 s of 2.5 Mbit/s. Older ones are not resent. The
/// payloads are shared, an entry costs about 400 bytes.
const RESEND_PACKETS_VIDEO: usize = 1_024;

/// Audio is not resent by str0m (no RTX for Opus), so hardly any.
const RESEND_PACKETS_AUDIO: usize = 64;

/// Between sender reports of audio, as of video. Receivers can bring sound and picture together, and
/// players can tell their delay, only when both were reported. RFC 3550 section 6.2 scales the
/// minimum down with the session's bandwidth: 360 / 2,600 kbit/s allows 0.14 s.
const REPORT_INTERVAL_AUDIO: Duration = Duration::from_secs(1);

/// How often str0m reports what counters need.
const STATS_INTERVAL: Duration = Duration::from_secs(2);

/// The connection failed beyond repair.
#[derive(Debug)]
pub(crate) struct Failed;

pub(crate) struct Transport {
    pub(crate) rtc: Rtc,
    /// When str0m wants to be called again.
    pub(crate) deadline: Instant,
}

impl Transport {
    /// A connection that can take an offer. ICE-lite: our addresses are public, and the client checks.
    pub(crate) fn new(
        now: Instant,
        creds: IceCreds,
        cert: &DtlsCert,
        candidates: &[SocketAddr],
        codecs: CodecConfig,
        extensions: ExtensionMap,
    ) -> Self {
        let mut config = RtcConfig::new()
            .set_crypto_provider(dtls::crypto_provider())
            .set_dtls_cert(cert.clone())
            // As a 1.2 server we choose the SRTP profile, and choose AES-GCM (see PERF in the docs).
            .set_dtls_version(DtlsVersion::Dtls12)
            .set_local_ice_credentials(creds)
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_rtcp_report_interval_audio(REPORT_INTERVAL_AUDIO)
            .set_stats_interval(Some(STATS_INTERVAL))
            .set_send_buffer_video(RESEND_PACKETS_VIDEO)
            .set_send_buffer_audio(RESEND_PACKETS_AUDIO)
            .set_extension_map(extensions);
        *config.codec_config() = codecs;
        let mut rtc = config.build(now);
        for address in candidates {
            if let Ok(candidate) = Candidate::host(*address, "udp") {
                rtc.add_local_candidate(candidate);
            }
        }
        Self { rtc, deadline: now }
    }

    /// Answers the offer; candidates are in the answer. Gives the m-lines too, since str0m tells of
    /// them only once the peer is connected.
    pub(crate) fn accept(
        &mut self,
        offer: SdpOffer,
        outbox: &mut Outbox,
    ) -> Result<(String, Vec<(Mid, MediaKind)>), OfferError> {
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
        let answer = sdp::finish_answer(&answer.to_sdp_string());
        let media = sdp::mids(&answer)
            .filter_map(|mid| self.rtc.media(mid))
            .map(|media| (media.mid(), media.kind()))
            .collect();
        Ok((answer, media))
    }

    /// Takes one datagram. True when it proved that its source is the peer (an authentic STUN check).
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
        prove: bool,
    ) -> bool {
        let Ok(receive) = Receive::new(Protocol::Udp, source, destination, datagram) else {
            return false;
        };
        let input = Input::Receive(now, receive);
        if prove && !self.rtc.accepts(&input) {
            return false;
        }
        // An error here is about this datagram; what it did to the session shows in the drain.
        if let Err(error) = self.rtc.handle_input(input) {
            tracing::debug!(%error, "datagram refused");
        }
        true
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
                Ok(Output::Transmit(t)) => outbox.push(t.source, t.destination, &t.contents),
                Ok(Output::Event(event)) => events.push(event),
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
