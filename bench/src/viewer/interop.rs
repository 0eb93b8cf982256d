//! A viewer against str0m as the server: what a viewer says by RTCP is understood by others, and
//! what is lost on the way comes again.

#![allow(clippy::unwrap_used)]

use std::{
    net::{Ipv4Addr, UdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use str0m::{
    Candidate, Event, Input, Output, Rtc,
    bwe::{Bitrate, BweKind},
    change::SdpOffer,
    format::Codec,
    media::Mid,
    net::{Protocol, Receive},
    rtp::{RtpWrite, SeqNo},
};

use super::{Reports, Scratch, ViewerOffer};
use crate::{
    recv::Receiver,
    source::{FRAME_TICKS, Stamp},
};

/// One of so many packets of the server is lost.
const LOST_OF: u64 = 97;

const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    rtc: Rtc,
    socket: UdpSocket,
    connected: bool,
    mid: Option<Mid>,
    sent: u64,
    estimates: usize,
    nacks: u64,
    rtt: Option<Duration>,
    highest: Option<SeqNo>,
}

impl Server {
    fn turn(&mut self) {
        let mut buffer = [0; 2_000];
        let local = self.socket.local_addr().unwrap();
        while let Ok((len, from)) = self.socket.recv_from(&mut buffer) {
            let received = Receive::new(Protocol::Udp, from, local, &buffer[..len]).unwrap();
            let input = Input::Receive(Instant::now(), received);
            self.rtc.handle_input(input).unwrap();
            self.drain();
        }
        self.rtc
            .handle_input(Input::Timeout(Instant::now()))
            .unwrap();
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Transmit(transmit) => {
                    let media = transmit.contents.len() > 500;
                    self.sent += u64::from(media);
                    if !media || !self.sent.is_multiple_of(LOST_OF) {
                        let to = transmit.destination;
                        self.socket.send_to(&transmit.contents, to).unwrap();
                    }
                }
                Output::Event(Event::Connected) => self.connected = true,
                Output::Event(Event::MediaAdded(media)) if media.kind.is_video() => {
                    self.mid = Some(media.mid);
                }
                Output::Event(Event::EgressBitrateEstimate(BweKind::Twcc { .. })) => {
                    self.estimates += 1;
                }
                Output::Event(Event::MediaEgressStats(stats)) if Some(stats.mid) == self.mid => {
                    self.nacks = stats.nacks;
                    self.rtt = stats.rtt.or(self.rtt);
                    self.highest = stats.remote.map(|remote| remote.maximum_sequence_number);
                }
                Output::Event(_) => {}
            }
        }
    }

    fn write(&mut self, frame: u32, next: &mut u64) {
        let mid = self.mid.unwrap();
        let params = self.rtc.codec_config().params();
        let h264 = params.iter().find(|p| p.spec().codec == Codec::H264);
        let pt = h264.unwrap().pt();
        let now = Instant::now();
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(mid, None).unwrap();
        for number in 0..5 {
            let mut payload = vec![number as u8; 1_000];
            if number == 4 {
                Stamp(frame).write(&mut payload);
            }
            let payload: Arc<[u8]> = payload.into();
            let time = 77_000 + frame * FRAME_TICKS;
            stream.write_rtp(
                RtpWrite::new(pt, SeqNo::from(*next), time, now, payload)
                    .marker(number == 4)
                    .nackable(true),
            );
            *next += 1;
        }
        self.drain();
    }
}

#[test]
fn str0m_understands_a_viewer() {
    let local = Ipv4Addr::LOCALHOST.into();
    let offer = ViewerOffer::new(local).unwrap();
    let socket = UdpSocket::bind((local, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut rtc = Rtc::builder()
        .set_rtp_mode(true)
        .set_ice_lite(true)
        .clear_codecs()
        .enable_h264(true)
        .enable_opus(true, false)
        .enable_bwe(Some(Bitrate::kbps(500)))
        .set_stats_interval(Some(Duration::from_millis(100)))
        .build(Instant::now());
    rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
    let sdp = SdpOffer::from_sdp_string(offer.sdp()).unwrap();
    let answer = rtc.sdp_api().accept_offer(sdp).unwrap();
    let reports = Reports {
        phase: 0,
        feedback: 50_000_000,
    };
    let mut viewer = offer.answered(&answer.to_sdp_string(), reports).unwrap();
    let mut server = Server {
        rtc,
        socket,
        connected: false,
        mid: None,
        sent: 0,
        estimates: 0,
        nacks: 0,
        rtt: None,
        highest: None,
    };
    let (mut receiver, mut scratch) = (Receiver::new(), Scratch::default());
    let (mut next, mut frame) = (60_000, 0);
    let mut frames = Vec::new();
    let begun = Instant::now();
    let mut due = begun;
    loop {
        server.turn();
        let each = &mut |arrival: super::FrameArrival| frames.push(arrival.frame);
        viewer.turn(&mut receiver, &mut scratch, each).unwrap();
        let counts = viewer.counts();
        let sequence = server.highest.map_or(0, |highest| *highest);
        // The sequence number has wrapped, and everything that can be reported was.
        let reported = server.rtt.is_some() && server.nacks > 2 && server.estimates > 3;
        if reported && counts.recovered > 2 && sequence > 66_000 {
            break;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "estimates {}, nacks {}, rtt {:?}, highest {sequence}, {counts:?}",
            server.estimates,
            server.nacks,
            server.rtt
        );
        if server.connected && Instant::now() >= due {
            server.write(frame, &mut next);
            frame += 1;
            due = Instant::now() + Duration::from_millis(2);
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    let counts = viewer.counts();
    assert!(counts.aead && counts.transport_cc, "{counts:?}");
    assert_eq!(counts.rejected, 0, "{counts:?}");
    assert!(counts.sender_reports > 0, "{counts:?}");
    assert!(counts.opened > 100, "{counts:?}");
    // All but those that are on their way.
    let missing = counts.video.span - counts.video.received;
    assert!(missing < 20, "{counts:?}");
    assert!(frames.len() > 100, "{} frames", frames.len());
    assert!(frames.iter().all(|number| *number < frame));
    assert!(server.rtt.unwrap() < PATIENCE);
}
