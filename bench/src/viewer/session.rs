//! One viewer's session: str0m for SDP, ICE and DTLS, and this crate for everything after.

use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::OnceLock,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use str0m::{
    Candidate, Event, IceConnectionState, Input, Output, Rtc,
    change::{SdpAnswer, SdpPendingOffer},
    config::DtlsCert,
    media::{Direction, MediaKind},
    net::{Protocol, Receive},
    rtp::Extension,
};

use crate::{
    clock, keys,
    recv::{self, Receiver},
    sdp::Answer,
    session_keys::SessionKeys,
};

use super::media::{FrameArrival, Reports, Scratch, ViewerCounts, ViewerMedia};

/// How long ICE and DTLS may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);

/// An id that str0m's standard extensions leave free.
const PLAYOUT_DELAY: u8 = 6;

/// The certificate of all viewers: making a thousand is not what is measured.
fn certificate() -> anyhow::Result<DtlsCert> {
    static CERTIFICATE: OnceLock<Option<DtlsCert>> = OnceLock::new();
    CERTIFICATE
        .get_or_init(|| keys::crypto_provider().dtls_provider.generate_certificate())
        .clone()
        .context("no DTLS certificate could be made")
}

/// A viewer that has not been answered.
pub(crate) struct ViewerOffer {
    rtc: Rtc,
    pending: SdpPendingOffer,
    socket: UdpSocket,
    address: SocketAddr,
    sdp: String,
    /// When it was made, in nanoseconds since the Unix epoch: the joining begins.
    made: u64,
}

impl ViewerOffer {
    /// Offers what Chromium does: all codecs, NACK, PLI, transport-wide congestion control, RTX, and
    /// the header extensions. `local` is the address that the server will see.
    pub(crate) fn new(local: IpAddr) -> anyhow::Result<Self> {
        let made = clock::unix_nanos();
        let socket = recv::socket(local)?;
        let address = socket.local_addr()?;
        let mut rtc = Rtc::builder()
            .set_crypto_provider(keys::crypto_provider())
            .set_dtls_cert(certificate()?)
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .enable_h264(true)
            .enable_vp9(true)
            .enable_av1(true)
            .set_extension(PLAYOUT_DELAY, Extension::PlayoutDelay)
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(address, "udp")?);
        let mut api = rtc.sdp_api();
        for kind in [MediaKind::Audio, MediaKind::Video] {
            api.add_media(kind, Direction::RecvOnly, None, None, None);
        }
        let (offer, pending) = api.apply().context("nothing to offer")?;
        Ok(Self {
            rtc,
            pending,
            socket,
            address,
            sdp: offer.to_sdp_string(),
            made,
        })
    }

    pub(crate) fn sdp(&self) -> &str {
        &self.sdp
    }

    pub(crate) fn answered(mut self, answer: &str, reports: Reports) -> anyhow::Result<Viewer> {
        let parsed = Answer::parse(answer)?;
        let answer = SdpAnswer::from_sdp_string(answer).context("the answer is not SDP")?;
        self.rtc.sdp_api().accept_answer(self.pending, answer)?;
        let now = Instant::now();
        Ok(Viewer {
            rtc: self.rtc,
            socket: self.socket,
            address: self.address,
            remote: None,
            deadline: now,
            handshake_until: now + HANDSHAKE_TIMEOUT,
            answer: parsed,
            reports,
            media: None,
            made: self.made,
        })
    }
}

/// A viewer that has its answer.
pub(crate) struct Viewer {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    /// Where DTLS went last, and so where RTCP goes.
    remote: Option<SocketAddr>,
    /// When str0m wants to be called.
    deadline: Instant,
    handshake_until: Instant,
    answer: Answer,
    reports: Reports,
    media: Option<ViewerMedia>,
    made: u64,
}

impl Viewer {
    /// Whether it still needs to be called often.
    pub(crate) fn connecting(&self) -> bool {
        self.media.is_none()
    }

    pub(crate) fn counts(&self) -> ViewerCounts {
        self.media
            .as_ref()
            .map(ViewerMedia::counts)
            .unwrap_or_default()
    }

    /// SRTP profile, once it is agreed.
    pub(crate) fn profile(&self) -> Option<String> {
        self.media.as_ref().map(ViewerMedia::profile)
    }

    /// When the offer was made, in nanoseconds since the Unix epoch.
    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    /// Whether everything that was agreed has come.
    pub(crate) fn receives(&self) -> bool {
        let counts = self.counts();
        counts.first_media > 0
            && (!self.answer.video || counts.video.received > 0)
            && (!self.answer.audio || counts.audio.received > 0)
    }

    /// Takes what arrived and does what is due.
    pub(crate) fn turn(
        &mut self,
        receiver: &mut Receiver,
        scratch: &mut Scratch,
        frame: &mut dyn FnMut(FrameArrival),
    ) -> anyhow::Result<()> {
        let Self {
            rtc,
            socket,
            address,
            remote,
            deadline,
            answer,
            reports,
            media,
            ..
        } = self;
        receiver.receive(socket, |datagram| {
            let Some(first) = datagram.bytes.first() else {
                return Ok(());
            };
            // RFC 7983 section 7.
            if (128..=191).contains(first) {
                if let Some(media) = media {
                    media.datagram(datagram.bytes, datagram.arrived, scratch, frame);
                }
                return Ok(());
            }
            let contents = match datagram.bytes.try_into() {
                Ok(contents) => contents,
                // Neither STUN nor DTLS.
                Err(_) => return Ok(()),
            };
            let received = Receive {
                proto: Protocol::Udp,
                source: datagram.from,
                destination: *address,
                contents,
            };
            rtc.handle_input(Input::Receive(Instant::now(), received))?;
            *deadline = drain(rtc, socket, remote)?;
            if media.is_none()
                && let Some(agreed) = keys::take()
            {
                let keys = SessionKeys::new(&agreed)?;
                let now = clock::unix_nanos();
                *media = Some(ViewerMedia::new(keys, answer.clone(), now, *reports));
            }
            Ok(())
        })?;
        let now = Instant::now();
        if now >= self.deadline {
            self.rtc.handle_input(Input::Timeout(now))?;
            self.deadline = drain(&mut self.rtc, &self.socket, &mut self.remote)?;
        }
        match (&mut self.media, self.remote) {
            (Some(media), Some(remote)) => {
                if media.ended() {
                    bail!("the server said goodbye");
                }
                let socket = &self.socket;
                media.poll(clock::unix_nanos(), scratch, &mut |sealed| {
                    send(socket, sealed, remote)
                })
            }
            _ if now > self.handshake_until => {
                bail!("no connection within {HANDSHAKE_TIMEOUT:?}")
            }
            _ => Ok(()),
        }
    }
}

fn drain(
    rtc: &mut Rtc,
    socket: &UdpSocket,
    remote: &mut Option<SocketAddr>,
) -> anyhow::Result<Instant> {
    loop {
        match rtc.poll_output()? {
            Output::Timeout(deadline) => return Ok(deadline),
            Output::Transmit(transmit) => match transmit.contents.first() {
                // RTCP of str0m: the keys are ours alone, since one index may not be used twice.
                Some(128..=191) | None => {}
                Some(first) => {
                    if (20..=63).contains(first) {
                        *remote = Some(transmit.destination);
                    }
                    send(socket, &transmit.contents, transmit.destination)?;
                }
            },
            Output::Event(Event::IceConnectionStateChange(IceConnectionState::Disconnected)) => {
                bail!("ICE consent ended: the server does not answer");
            }
            Output::Event(_) => {}
        }
        if !rtc.is_alive() {
            bail!("the server ended the session");
        }
    }
}

/// A full buffer loses the datagram, as a network would.
fn send(socket: &UdpSocket, contents: &[u8], to: SocketAddr) -> anyhow::Result<()> {
    match socket.send_to(contents, to) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
        // A peer that is gone tells so by ICMP; ICE notices in its own time.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(error.into()),
    }
}
