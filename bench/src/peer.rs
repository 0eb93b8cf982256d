//! A WebRTC publisher on one socket: str0m in RTP mode, driven by whoever owns it.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use str0m::{
    Candidate, Event, Input, Output, Rtc,
    change::{SdpAnswer, SdpPendingOffer},
    format::Codec,
    media::{Direction, MediaKind, Mid, Simulcast, SimulcastLayer},
    net::{Protocol, Receive},
};

use crate::sockets::{BatchSocket, Buffers};

/// How often the publisher's thread looks for datagrams.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// Audio and video of a session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mids {
    pub(crate) audio: Mid,
    pub(crate) video: Mid,
}

/// A publisher that has not been answered.
pub(crate) struct Offer {
    rtc: Rtc,
    pending: SdpPendingOffer,
    socket: BatchSocket,
    mids: Mids,
    sdp: String,
}

impl Offer {
    /// Offers H.264 and Opus, with str0m's usual feedback and header extensions; several layers of
    /// video as simulcast, the first of `rids` the largest. `local` is the address that the server
    /// will see.
    pub(crate) fn new(local: IpAddr, rids: &[&str]) -> anyhow::Result<Self> {
        let socket = BatchSocket::bind_to(local)?;
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_h264(true)
            .enable_opus(true, false)
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(socket.address(), "udp")?);
        let simulcast = (!rids.is_empty()).then(|| {
            let mut simulcast = Simulcast::new();
            for rid in rids {
                simulcast.add_send_layer(SimulcastLayer::new(rid));
            }
            simulcast
        });
        let mut api = rtc.sdp_api();
        let send = Direction::SendOnly;
        let mids = Mids {
            audio: api.add_media(MediaKind::Audio, send, None, None, None),
            video: api.add_media(MediaKind::Video, send, None, None, simulcast),
        };
        let (offer, pending) = api.apply().context("nothing to offer")?;
        Ok(Self {
            rtc,
            pending,
            socket,
            mids,
            sdp: offer.to_sdp_string(),
        })
    }

    pub(crate) fn sdp(&self) -> &str {
        &self.sdp
    }

    pub(crate) fn answered(mut self, answer: &str) -> anyhow::Result<Peer> {
        let answer = SdpAnswer::from_sdp_string(answer).context("the answer is not SDP")?;
        self.rtc.sdp_api().accept_answer(self.pending, answer)?;
        Ok(Peer {
            rtc: self.rtc,
            socket: self.socket,
            mids: self.mids,
            deadline: Instant::now(),
        })
    }
}

/// A client that has its answer.
pub(crate) struct Peer {
    rtc: Rtc,
    socket: BatchSocket,
    mids: Mids,
    /// When str0m wants to be called.
    deadline: Instant,
}

/// What a peer tells.
pub(crate) type OnEvent<'a> = &'a mut dyn FnMut(Event) -> anyhow::Result<()>;

impl Peer {
    pub(crate) fn rtc(&mut self) -> &mut Rtc {
        &mut self.rtc
    }

    pub(crate) fn mids(&self) -> Mids {
        self.mids
    }

    /// The payload type that was agreed for a codec.
    pub(crate) fn payload_type(&self, mid: Mid, codec: Codec) -> anyhow::Result<str0m::media::Pt> {
        let media = self
            .rtc
            .media(mid)
            .context("the answer has no such media")?;
        let is_codec = |pt: &&str0m::media::Pt| {
            let params = self.rtc.codec_config().params();
            params
                .iter()
                .any(|param| param.pt() == **pt && param.spec().codec == codec)
        };
        let pt = media.remote_pts().iter().find(is_codec);
        pt.copied().context("the answer lacks the codec")
    }

    /// Takes what arrived and does what is due.
    pub(crate) fn turn(&mut self, buffers: &mut Buffers, each: OnEvent<'_>) -> anyhow::Result<()> {
        let destination = self.socket.address();
        // Two borrows of self: the socket's, and the rest.
        let Self {
            rtc,
            socket,
            deadline,
            ..
        } = self;
        socket.receive(buffers, |source, datagram| {
            let now = Instant::now();
            let received = Receive::new(Protocol::Udp, source, destination, datagram)?;
            rtc.handle_input(Input::Receive(now, received))?;
            *deadline = drain(rtc, socket, each)?;
            Ok(())
        })?;
        let now = Instant::now();
        if now >= self.deadline {
            self.rtc.handle_input(Input::Timeout(now))?;
            self.drain(each)?;
        }
        Ok(())
    }

    /// Sends what str0m has to send.
    pub(crate) fn drain(&mut self, each: OnEvent<'_>) -> anyhow::Result<()> {
        self.deadline = drain(&mut self.rtc, &self.socket, each)?;
        Ok(())
    }
}

fn drain(rtc: &mut Rtc, socket: &BatchSocket, each: OnEvent<'_>) -> anyhow::Result<Instant> {
    loop {
        match rtc.poll_output()? {
            Output::Timeout(deadline) => return Ok(deadline),
            Output::Transmit(transmit) => {
                // A full buffer loses the datagram, as a network would.
                socket.send_plain(&transmit.contents, transmit.destination)?;
            }
            Output::Event(event) => each(event)?,
        }
        if !rtc.is_alive() {
            bail!("the session ended");
        }
    }
}
