//! Media that publishers of these tests send, ready as RTP payloads.

use std::process::Command;

use rtc::rtp::packet::Packet;
use weir_bench::source::{FPS, Source};

/// Frames of a video track, each as RTP payloads; the first one is a keyframe.
pub struct Video {
    pub mime: &'static str,
    pub payload_type: u8,
    pub fmtp: &'static str,
    pub frames: Vec<Vec<Vec<u8>>>,
}

/// RTP ticks of a second.
const VIDEO_RATE: u32 = 90_000;

/// RTP ticks of a frame.
pub const FRAME_TICKS: u32 = VIDEO_RATE / FPS;

/// Whether an RTP payload of H.264 has parameter sets, alone or together (RFC 6184 section 5.2), which stand at
/// the beginning of a keyframe.
pub fn begins_keyframe(payload: &[u8]) -> bool {
    const SPS: u8 = 7;
    const STAP_A: u8 = 24;
    matches!(payload[0] & 0x1f, SPS | STAP_A)
}

impl Video {
    /// H.264 in constrained baseline, as every browser takes it.
    pub fn h264() -> Self {
        let source = Source::new();
        let frames = source.frames().iter().map(|frame| {
            let payloads = frame.iter().map(|payload| payload.to_vec());
            payloads.collect()
        });
        Self {
            mime: "video/H264",
            payload_type: 102,
            fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
            frames: frames.collect(),
        }
    }

    /// The same with another keyframe, to be told apart: a SEI message stands before the picture.
    pub fn other_h264() -> Self {
        /// User data (H.264 section D.1.7): a UUID and one byte, and the trailing bits.
        const SEI: [u8; 21] = *b"\x06\x05\x11another publisher\x80";
        let mut video = Self::h264();
        let parameter_sets = &mut video.frames[0][0];
        parameter_sets.extend_from_slice(&(SEI.len() as u16).to_be_bytes());
        parameter_sets.extend_from_slice(&SEI);
        video
    }

    /// VP8 of a moving test picture, one keyframe in two seconds.
    pub fn vp8() -> Self {
        let output = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i"])
            .arg("testsrc2=size=320x180:rate=30:duration=2")
            .args(["-c:v", "libvpx", "-b:v", "500k", "-deadline", "realtime"])
            .args(["-cpu-used", "8", "-g", "60", "-auto-alt-ref", "0"])
            .args(["-f", "ivf", "pipe:1"])
            .output()
            .expect("ffmpeg is installed by script/bootstrap --test");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let frames: Vec<_> = ivf_frames(&output.stdout).map(vp8_payloads).collect();
        assert_eq!(frames.len(), 60);
        Self {
            mime: "video/VP8",
            payload_type: 96,
            fmtp: "",
            frames,
        }
    }

    /// Whether this is a keyframe's first payload.
    pub fn starts_with_keyframe(&self, packets: &[Packet]) -> bool {
        packets[0].payload == self.frames[0][0]
    }

    /// Asserts that these packets are what the publisher sent: every packet, in order, unchanged,
    /// with continuous numbers and times. Tells how often the publisher began again with a keyframe
    /// before its time.
    pub fn assert_continuous(&self, packets: &[Packet]) -> usize {
        // Some fragments are equal to their neighbours: where the first packet stands must be tried.
        let first = &packets[0].payload;
        let frames = self.frames.iter().enumerate();
        let starts = frames.flat_map(|(frame, payloads)| {
            let equal = payloads.iter().enumerate().filter(|(_, own)| *own == first);
            equal.map(move |(at, _)| (frame, at)).collect::<Vec<_>>()
        });
        let mut failure = "the first payload is not what the publisher sent".to_owned();
        for start in starts {
            match self.follow(start, packets) {
                Ok(early) => return early,
                Err(error) => failure = error,
            }
        }
        panic!("{failure}")
    }

    fn follow(&self, start: (usize, usize), packets: &[Packet]) -> Result<usize, String> {
        let (mut frame, mut at) = start;
        let mut early = 0;
        let mut at_the_edge = false;
        for pair in packets.windows(2) {
            let [before, after] = [&pair[0].header, &pair[1].header];
            let last = at + 1 == self.frames[frame].len();
            let expect = |what: &str, holds: bool| match holds {
                true => Ok(()),
                false => Err(format!("{what}, after payload {at} of frame {frame}")),
            };
            let number = before.sequence_number.wrapping_add(1);
            expect("a packet is missing", after.sequence_number == number)?;
            expect("another stream", after.ssrc == before.ssrc)?;
            expect("a wrong marker", before.marker == last)?;
            let ticks = after.timestamp.wrapping_sub(before.timestamp);
            // What was before the viewer came is told faster, and once it is not, never again. From there
            // it may jump to a keyframe of just now.
            at_the_edge |= last && ticks == FRAME_TICKS;
            let jumps = last && pair[1].payload == self.frames[0][0];
            let right = match (last, at_the_edge) {
                (true, true) => ticks == FRAME_TICKS,
                (true, false) if jumps => (1..VIDEO_RATE).contains(&ticks),
                (true, false) => (1..FRAME_TICKS).contains(&ticks),
                (false, _) => ticks == 0,
            };
            expect("a wrong time", right)?;
            let (next, begins) = match last {
                true => (((frame + 1) % self.frames.len(), 0), true),
                false => ((frame, at + 1), false),
            };
            let payload = &pair[1].payload;
            if *payload == self.frames[next.0][next.1] {
                (frame, at) = next;
            } else {
                // A keyframe may come before its time, when it was asked for.
                let keyframe = begins && *payload == self.frames[0][0];
                expect("a payload that was not sent then", keyframe)?;
                (frame, at) = (0, 0);
                early += 1;
            }
        }
        Ok(early)
    }
}

/// The frames of an IVF file.
fn ivf_frames(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = &file[32..];
    std::iter::from_fn(move || {
        let (header, after) = rest.split_at_checked(12)?;
        let length = u32::from_le_bytes(header[..4].try_into().unwrap());
        let (frame, after) = after.split_at(length as usize);
        rest = after;
        Some(frame)
    })
}

/// RFC 7741 section 4.2: the shortest payload descriptor, with the S bit at the frame's start.
fn vp8_payloads(frame: &[u8]) -> Vec<Vec<u8>> {
    let chunks = frame.chunks(1150).enumerate();
    chunks
        .map(|(number, chunk)| {
            let descriptor = if number == 0 { 0x10 } else { 0x00 };
            [&[descriptor], chunk].concat()
        })
        .collect()
}
