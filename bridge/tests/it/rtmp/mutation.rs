//! Streams of real clients, mutated, to a session in memory: no panic, no hang, and the next good
//! stream is taken. `WEIR_RTMP_MUTATIONS` sets how many.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::{TcpListener, TcpStream};
use weir_bridge::rtmp::Client;
use weir_bridge::rtmp::session;
use weir_bridge::source::{AccessUnit, SourceFormat};
use weir_media::{AudioCodec, Kind, VideoCodec};

use super::enhanced;
use super::harness::{KEY, PATIENCE, Recording, Server, context};
use super::memory::Memory;
use super::wire;

const DEFAULT_MUTATIONS: usize = 20_000;
/// C0, C1 and C2: random bytes that the server hardly looks at.
const HANDSHAKE: usize = 1 + 2 * 1536;
/// A recording is cut here, so that many variants fit into a second.
const LONGEST: usize = 48 * 1024;
/// What a session may hold beside a few times what was sent: buffers, and tables.
const SESSION_BYTES: usize = 256 * 1024;

/// xorshift64*: the same variants in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Forwards one connection to the server and keeps what the client sent.
async fn tap(server: SocketAddr) -> (SocketAddr, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(server).await.unwrap();
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        tokio::spawn(async move {
            let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
            let _ = to_client.shutdown().await;
        });
        let mut kept = Vec::new();
        let mut buffer = [0; 8192];
        while let Ok(read) = from_client.read(&mut buffer).await {
            if read == 0 || to_server.write_all(&buffer[..read]).await.is_err() {
                break;
            }
            kept.extend(&buffer[..read]);
        }
        kept
    });
    (address, task)
}

async fn record_client(server: &Server, codec: VideoCodec, config: &'static [u8]) -> Vec<u8> {
    let (address, task) = tap(server.address).await;
    let mut client = Client::connect(&format!("rtmp://{address}/live"), KEY)
        .await
        .unwrap();
    client
        .send_format(&SourceFormat::Video {
            layer: 0,
            codec,
            config: Bytes::from_static(config),
        })
        .await
        .unwrap();
    let audio = SourceFormat::Audio {
        codec: AudioCodec::Aac,
        config: Bytes::from_static(wire::AAC),
    };
    client.send_format(&audio).await.unwrap();
    for number in 0..40_u64 {
        let dts = number * 33_000_000;
        let (kind, data) = if number % 2 == 0 {
            (
                Kind::Video,
                [&[0, 0, 2, 0][..], &[number as u8; 512]].concat(),
            )
        } else {
            (Kind::Audio, vec![number as u8; 200])
        };
        let unit = AccessUnit {
            kind,
            layer: 0,
            dts,
            pts: dts,
            keyframe: number % 10 == 0,
            data: Bytes::from(data),
        };
        client.send(&unit).await.unwrap();
    }
    client.close().await.unwrap();
    task.await.unwrap()
}

/// Three sizes of a picture, as our own client sends them, and Opus.
async fn record_multitrack(server: &Server) -> Vec<u8> {
    let (address, task) = tap(server.address).await;
    let mut client = Client::connect(&format!("rtmp://{address}/live"), KEY)
        .await
        .unwrap();
    for layer in 0..3 {
        let format = SourceFormat::Video {
            layer,
            codec: VideoCodec::H264,
            config: Bytes::from_static(wire::AVC),
        };
        client.send_format(&format).await.unwrap();
    }
    let audio = SourceFormat::Audio {
        codec: AudioCodec::Opus,
        config: Bytes::from_static(b"OpusHead\x01\x02"),
    };
    client.send_format(&audio).await.unwrap();
    for number in 0..60_u64 {
        let layer = (number % 3) as u8;
        let dts = number / 3 * 33_000_000;
        let unit = AccessUnit {
            kind: Kind::Video,
            layer,
            dts,
            pts: dts + 33_000_000 * (number % 2),
            keyframe: number % 30 < 3,
            data: Bytes::from([&[0, 0, 1, 0][..], &[number as u8; 256]].concat()),
        };
        client.send(&unit).await.unwrap();
    }
    client.close().await.unwrap();
    task.await.unwrap()
}

/// An FFmpeg that speaks Enhanced RTMP.
async fn record_enhanced(server: &Server, arguments: &str) -> Vec<u8> {
    let (address, task) = tap(server.address).await;
    super::enhanced::publish(&format!("rtmp://{address}/live"), 1, arguments).await;
    task.await.unwrap()
}

async fn record_ffmpeg(server: &Server) -> Vec<u8> {
    let (address, task) = tap(server.address).await;
    let status = tokio::process::Command::new("ffmpeg")
        .args([
            "-hide_banner",
            "-loglevel",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=160x90:rate=15",
        ])
        .args([
            "-f",
            "lavfi",
            "-i",
            "sine=sample_rate=44100",
            "-t",
            "2",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
        ])
        .args([
            "-c:a",
            "aac",
            "-f",
            "flv",
            &format!("rtmp://{address}/live/{KEY}"),
        ])
        .stdin(Stdio::null())
        .status()
        .await
        .expect("ffmpeg is installed");
    assert!(status.success());
    task.await.unwrap()
}

async fn recordings() -> Vec<Vec<u8>> {
    const HVCC: &[u8] = &[
        1, 1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0x5d, 0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0,
        0x0f, 1, 0x20, 0, 1, 0, 2, 0x40, 1,
    ];
    let (server, _recording) = Server::start().await;
    let mut recordings = vec![
        record_client(&server, VideoCodec::H264, wire::AVC).await,
        record_client(&server, VideoCodec::Hevc, HVCC).await,
        record_client(&server, VideoCodec::Av1, &[0x81, 5, 12, 0]).await,
        record_ffmpeg(&server).await,
        record_multitrack(&server).await,
    ];
    for encoders in [
        format!("-map 0:v -map 1:a {} {}", enhanced::HEVC, enhanced::OPUS),
        format!("-map 0:v -map 1:a {} -c:a flac", enhanced::AV1),
        format!(
            "-map 0:v -map 0:v -map 1:a -map 1:a {} -s:v:1 160x90 -c:a aac",
            enhanced::H264
        ),
    ] {
        recordings.push(record_enhanced(&server, &encoders).await);
    }
    server.stop().await;
    for recording in &mut recordings {
        recording.truncate(LONGEST);
    }
    recordings
}

fn mutate(recordings: &[Vec<u8>], random: &mut Random) -> (&'static str, Vec<u8>) {
    let mut bytes = recordings[random.below(recordings.len())].clone();
    // Mostly past the handshake, where the parsers are.
    let start = if random.below(20) == 0 { 0 } else { HANDSHAKE };
    let at = |random: &mut Random, bytes: &Vec<u8>| start + random.below(bytes.len() - start);
    let name = match random.below(12) {
        0 => {
            bytes.truncate(at(random, &bytes));
            "truncated"
        }
        1 => {
            for _ in 0..1 + random.below(32) {
                let position = at(random, &bytes);
                bytes[position] ^= 1 << random.below(8);
            }
            "bits flipped"
        }
        2 => {
            for _ in 0..1 + random.below(8) {
                let position = at(random, &bytes);
                bytes[position] = [0x00, 0xff, 0x7f, 0x80, 0xc3, 0x03, 0x0a][random.below(7)];
            }
            "extreme bytes"
        }
        3 => {
            let from = at(random, &bytes);
            let to = (from + 1 + random.below(64)).min(bytes.len());
            bytes.drain(from..to);
            "bytes removed"
        }
        4 => {
            let position = at(random, &bytes);
            let garbage: Vec<u8> = (0..1 + random.below(300))
                .map(|_| random.next() as u8)
                .collect();
            bytes.splice(position..position, garbage);
            "garbage inserted"
        }
        5 => {
            let from = at(random, &bytes);
            let piece = bytes[from..(from + 1 + random.below(400)).min(bytes.len())].to_vec();
            let position = at(random, &bytes);
            bytes.splice(position..position, piece);
            "piece repeated"
        }
        6 => {
            let other = &recordings[random.below(recordings.len())];
            let position = at(random, &bytes);
            let from = HANDSHAKE + random.below(other.len() - HANDSHAKE);
            bytes.truncate(position);
            bytes.extend(&other[from..]);
            "spliced with another"
        }
        7 => {
            // A chunk header of any kind in the middle of things: interleaving, gone wrong or right.
            let position = at(random, &bytes);
            let header: Vec<u8> = (0..12).map(|_| random.next() as u8).collect();
            bytes.splice(position..position, header);
            "chunk header inserted"
        }
        8 => {
            // A good beginning, then chunks of random messages on valid streams.
            bytes = wire::up_to_publish(KEY);
            for _ in 0..random.below(60) {
                let kind = [1, 2, 3, 4, 5, 6, 8, 9, 15, 17, 18, 20, 22, 99][random.below(14)];
                let length = random.below(300);
                let mut payload: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
                if kind == 9 && length > 6 && random.below(2) == 0 {
                    payload[0] = [0x17, 0x27, 0x90, 0x91, 0x93, 0x96, 0x97][random.below(7)];
                    payload[1..5].copy_from_slice(
                        [b"hvc1", b"av01", b"vp09", b"\x01\0\0\0"][random.below(4)],
                    );
                }
                bytes.extend(wire::message(
                    2 + random.below(6) as u8,
                    random.next() as u32 >> 9,
                    kind,
                    &payload,
                ));
            }
            "random messages"
        }
        9 | 10 => {
            // A good beginning, then headers of Enhanced RTMP that are nearly right.
            bytes = wire::up_to_publish(KEY);
            for _ in 0..random.below(60) {
                let kind = [wire::VIDEO, wire::AUDIO][random.below(2)];
                let time = random.next() as u32 >> [9, 20][random.below(2)];
                let body = enhanced_body(kind, random);
                bytes.extend(wire::message(2 + kind % 6, time, kind, &body));
            }
            "enhanced headers"
        }
        _ => {
            let length = random.below(4096);
            bytes.truncate(start);
            bytes.extend((0..length).map(|_| random.next() as u8));
            "garbage"
        }
    };
    (name, bytes)
}

/// A message of Enhanced RTMP: modifiers, tracks and codecs in any order, with lengths that are mostly
/// right.
fn enhanced_body(kind: u8, random: &mut Random) -> Vec<u8> {
    const CODECS: [&[u8; 4]; 12] = [
        b"avc1",
        b"hvc1",
        b"av01",
        b"vp09",
        b"vp08",
        b"vvc1",
        b"mp4a",
        b"Opus",
        b"ac-3",
        b"fLaC",
        b"    ",
        b"\0\0\0\0",
    ];
    let (first, multitrack) = match kind {
        wire::VIDEO => (0x80 | [1, 2, 4, 5, 7][random.below(5)] << 4, 6),
        _ => (0x90, 5),
    };
    let codec = |random: &mut Random| CODECS[random.below(CODECS.len())];
    let data = |random: &mut Random| -> Vec<u8> {
        match random.below(4) {
            0 => wire::AVC.to_vec(),
            1 => vec![0, 0, 0, 1, 0x65],
            2 => [wire::string("colorInfo"), vec![3, 0, 0, 9]].concat(),
            _ => (0..random.below(40)).map(|_| random.next() as u8).collect(),
        }
    };
    let mut packet_type = random.below(9) as u8;
    let mut body = Vec::new();
    if random.below(2) == 0 {
        packet_type = multitrack;
        let shape = random.below(4) as u8;
        body.push(shape << 4 | random.below(8) as u8);
        if shape != 2 {
            body.extend(codec(random));
        }
        for _ in 0..random.below(6) {
            if shape == 2 {
                body.extend(codec(random));
            }
            body.push(random.below(4) as u8);
            let data = data(random);
            if shape > 0 {
                let off = [0, 0, 0, 1, 300][random.below(5)];
                body.extend(&(data.len() as u32 + off).to_be_bytes()[1..]);
            }
            body.extend(data);
        }
    } else {
        body.extend(codec(random));
        body.extend(data(random));
    }
    for _ in 0..random.below(4) {
        let size = random.below(5);
        let mut modifier = vec![size as u8];
        modifier.extend((0..=size).map(|_| random.next() as u8));
        modifier.push((random.below(2) as u8) << 4 | packet_type);
        body.splice(0..0, modifier);
        packet_type = 7;
    }
    body.insert(0, first | packet_type);
    body
}

/// One session in memory. Returns how it ended, in words.
async fn play(bytes: Vec<u8>) -> (String, Recording) {
    let (context, recording, _) = context();
    let (client, server) = duplex(16 * 1024);
    let peer = SocketAddr::from(([192, 0, 2, 1], 40_000));
    let task = tokio::spawn(async move { session::run(server, peer, &context, || ()).await });
    let abandon = async {
        let (mut reader, mut writer) = tokio::io::split(client);
        let write = async {
            let _ = writer.write_all(&bytes).await;
            let _ = writer.shutdown().await;
        };
        let mut nowhere = tokio::io::sink();
        let _ = tokio::join!(write, tokio::io::copy(&mut reader, &mut nowhere));
    };
    let (ended, ()) = tokio::join!(task, abandon);
    let ended = ended.expect("no session panics");
    let words = match ended {
        Ok(end) => format!("{end:?}"),
        Err(error) => format!("{error:?}")
            .split(['(', ' '])
            .next()
            .unwrap_or_default()
            .to_owned(),
    };
    (words, recording)
}

// On one thread, so that what the session allocates can be counted.
#[tokio::test]
async fn no_mutated_stream_panics_or_hangs_the_server() {
    let count = std::env::var("WEIR_RTMP_MUTATIONS")
        .map_or(DEFAULT_MUTATIONS, |text| text.parse().unwrap());
    let recordings = recordings().await;
    let mut outcomes = BTreeMap::<String, usize>::new();
    let mut random = Random(0x5745_4952);
    let mut most = 0;
    for number in 0..count {
        let (name, bytes) = mutate(&recordings, &mut random);
        let sent = bytes.len();
        let memory = Memory::watch();
        let (words, mut recording) = tokio::time::timeout(PATIENCE, play(bytes))
            .await
            .unwrap_or_else(|_| panic!("variant {number}, {name}, hangs"));
        let held = memory.peak();
        assert!(
            held <= 4 * sent + SESSION_BYTES,
            "variant {number}, {name}: {held} bytes held for {sent} sent"
        );
        most = most.max(held);
        let events = recording.rest();
        let opened = events
            .iter()
            .filter(|event| matches!(event, super::harness::Event::Opened(_)))
            .count();
        let ended = events
            .iter()
            .filter(|event| **event == super::harness::Event::Ended)
            .count();
        assert_eq!(
            opened, ended,
            "variant {number}, {name}: a source was left open"
        );
        *outcomes.entry(words).or_default() += 1;
    }
    for recording in &recordings {
        let (words, mut events) = play(recording.clone()).await;
        assert!(words == "Unpublished" || words == "Disconnected", "{words}");
        assert!(
            events
                .rest()
                .iter()
                .any(|event| matches!(event, super::harness::Event::Unit(_)))
        );
    }
    println!(
        "{count} mutated streams, 0 panics, {most} bytes held at most; how they ended: {outcomes:?}"
    );

    // The same over sockets, to one listener that must live.
    let (server, mut recording) = Server::start().await;
    for _ in 0..count.min(100) {
        let (_, bytes) = mutate(&recordings, &mut random);
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let _ = tokio::time::timeout(
            PATIENCE,
            tokio::io::copy(&mut stream, &mut tokio::io::sink()),
        )
        .await
        .unwrap();
    }
    recording.rest();
    super::hostile::serves_on(&server, &mut recording).await;
    server.stop().await;
}

/// The inputs that fuzzing begins with: the recordings without their handshake, cut short.
#[tokio::test]
#[ignore = "writes into fuzz/corpus"]
async fn write_the_corpus() {
    /// What `script/fuzz` allows, and the first byte, which says where the bytes begin.
    const LENGTH: usize = 2047;
    const AFTER_HANDSHAKE: u8 = 1;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/rtmp");
    std::fs::create_dir_all(&folder).unwrap();
    for (number, recording) in recordings().await.iter().enumerate() {
        let bytes = &recording[HANDSHAKE..];
        let bytes = &bytes[..bytes.len().min(LENGTH)];
        let input = [&[AFTER_HANDSHAKE], bytes].concat();
        std::fs::write(folder.join(format!("recorded-{number}")), input).unwrap();
    }
}
