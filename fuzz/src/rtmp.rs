//! The whole RTMP reader: handshake, chunks, commands, FLV and Enhanced RTMP, up to what a worker
//! would get.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use async_trait::async_trait;
use tokio::{
    io::{AsyncWriteExt, duplex},
    runtime::{Builder, Runtime},
};
use tokio_util::sync::CancellationToken;
use weir_bridge::{
    output::{Admission, Gate, PublishRequest, Refusal, Requests, StreamOutput},
    rtmp::{
        Context, Drain, session,
        sink::{Ingest, SourceSink},
    },
    source::{AccessUnit, MAX_VIDEO_TRACKS, SourceFormat},
};
use weir_media::{HlsOutput, Kind, RtpLayer, RtpPacket, RtpTracks, Thumbnail, VideoCodec};
use weir_protocol::{Caption, finding::FindingReport};

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
}

/// The first octet says where the others belong in a connection, and into what pieces it is cut.
pub fn run(input: &[u8]) {
    let Some((&how, rest)) = input.split_first() else {
        return;
    };
    let stream = match how & 3 {
        0 => rest.to_vec(),
        1 => [&handshake(), rest].concat(),
        2 => [&handshake(), &up_to_publish(), rest].concat(),
        _ => [&handshake(), &up_to_publish(), &messages(rest)[..]].concat(),
    };
    let piece = 1 << (how >> 2 & 15);
    RUNTIME.with(|runtime| runtime.block_on(play(&stream, piece)));
}

async fn play(stream: &[u8], piece: usize) {
    let context = Context {
        gate: Arc::new(Everybody),
        ingest: Arc::new(Checks { sent: stream.len() }),
        drain: Drain::default(),
        cancel: CancellationToken::new(),
    };
    let (client, server) = duplex(piece);
    let peer = SocketAddr::from(([192, 0, 2, 1], 1935));
    let (mut reader, mut writer) = tokio::io::split(client);
    let write = async {
        // The server may close before it has taken all.
        let _ = writer.write_all(stream).await;
        let _ = writer.shutdown().await;
    };
    let mut nowhere = tokio::io::sink();
    let (_, (), _) = tokio::join!(
        session::run(server, peer, &context, || ()),
        write,
        tokio::io::copy(&mut reader, &mut nowhere),
    );
}

/// C0, C1 and C2.
fn handshake() -> Vec<u8> {
    let mut bytes = vec![0; 1 + 2 * 1536];
    bytes[0] = 3;
    bytes
}

fn up_to_publish() -> Vec<u8> {
    let text = |text: &str| [&[2, 0, text.len() as u8], text.as_bytes()].concat();
    let number = |number: u8| [&[0][..], &f64::from(number).to_be_bytes()].concat();
    let app = [&[3, 0, 3][..], b"app", &text("live"), &[0, 0, 9]].concat();
    [
        message(20, 0, &[text("connect"), number(1), app].concat()),
        message(20, 0, &[text("createStream"), number(2), vec![5]].concat()),
        message(
            20,
            0,
            &[text("publish"), number(3), vec![5], text("key")].concat(),
        ),
    ]
    .concat()
}

/// Audio and video messages: each has an octet that says which and how much later, one that says how
/// long it is, and a body.
fn messages(mut rest: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut time = 0_u32;
    while let [how, length, tail @ ..] = rest {
        let (body, tail) = tail.split_at(tail.len().min((*length).into()));
        // Mostly some milliseconds, and now and then a leap.
        time = match how >> 1 {
            127 => time.wrapping_mul(0x9e37_79b9).wrapping_add(0x7f4a_7c15),
            step => time.wrapping_add(step.into()),
        };
        bytes.extend(message(8 + (how & 1), time, body));
        rest = tail;
    }
    bytes
}

/// One message, in chunks of 128 bytes.
fn message(kind: u8, time: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![3, 0xff, 0xff, 0xff, 0];
    bytes.extend((body.len() as u16).to_be_bytes());
    bytes.push(kind);
    bytes.extend([u8::from(kind != 20), 0, 0, 0]);
    bytes.extend(time.to_be_bytes());
    for (number, piece) in body.chunks(128).enumerate() {
        if number > 0 {
            bytes.push(0xc3);
            bytes.extend(time.to_be_bytes());
        }
        bytes.extend(piece);
    }
    bytes
}

struct Everybody;

#[async_trait]
impl Gate for Everybody {
    async fn admit(&self, _: PublishRequest) -> Result<Admission, Refusal> {
        let (_, requests) = Requests::channel();
        Ok(Admission {
            slug: "fuzz".to_owned(),
            output: Box::new(Nowhere),
            cancel: CancellationToken::new(),
            goodbye: CancellationToken::new(),
            requests,
        })
    }
}

struct Nowhere;

impl StreamOutput for Nowhere {
    fn rtp_start(&mut self, _: RtpTracks, _: &[RtpLayer]) {}
    fn rtp(&mut self, _: RtpPacket, _: bool) {}
    fn hls(&mut self, _: HlsOutput) {}
    fn thumbnail(&mut self, _: Thumbnail) {}
    fn finding(&mut self, _: FindingReport) {}
    fn caption(&mut self, _: Caption) {}
    fn worker_restarted(&mut self, _: &str) {}
}

/// Opens sinks that check what a worker relies on.
struct Checks {
    sent: usize,
}

impl Ingest for Checks {
    fn open(&self, _: &str, _: Box<dyn StreamOutput>, _: Requests) -> Box<dyn SourceSink> {
        Box::new(Sink {
            sent: self.sent,
            passed: 0,
            findings: 0,
            video: BTreeMap::new(),
            audio: None,
        })
    }
}

struct Sink {
    sent: usize,
    passed: usize,
    findings: usize,
    /// Codec and last decoding time of each layer.
    video: BTreeMap<u8, (VideoCodec, Option<u64>)>,
    audio: Option<Option<u64>>,
}

impl SourceSink for Sink {
    fn format(&mut self, format: SourceFormat) {
        match format {
            SourceFormat::Video { layer, codec, .. } => {
                assert!(usize::from(layer) < MAX_VIDEO_TRACKS);
                let last = self.video.get(&layer).and_then(|(_, last)| *last);
                self.video.insert(layer, (codec, last));
            }
            SourceFormat::Audio { .. } => self.audio = Some(self.audio.flatten()),
            other => panic!("{other:?} does not come by RTMP"),
        }
    }

    fn access_unit(&mut self, unit: AccessUnit) {
        assert!(!unit.data.is_empty());
        let last = match unit.kind {
            Kind::Video => {
                let (codec, last) = self.video.get_mut(&unit.layer).expect("a format first");
                if matches!(codec, VideoCodec::H264 | VideoCodec::Hevc) {
                    check_lengths(&unit.data);
                }
                last
            }
            Kind::Audio => self.audio.as_mut().expect("a format first"),
        };
        assert!(last.is_none_or(|last| last < unit.dts), "time rises");
        *last = Some(unit.dts);
        // One octet of length and one of data grow to five.
        self.passed += unit.data.len();
        assert!(self.passed <= 3 * self.sent, "more comes out than went in");
    }

    fn finding(&mut self, _: FindingReport) {
        self.findings += 1;
        // One for each track number and each doubling of leaps, and those that are cleared at first.
        assert!(self.findings < 1_000);
    }
}

fn check_lengths(mut data: &[u8]) {
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        assert!(length <= rest.len());
        data = &rest[length..];
    }
    assert!(data.is_empty());
}
