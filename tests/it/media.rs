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

/// RTP ticks of a frame.
pub const FRAME_TICKS: u32 = 90_000 / FPS;

impl Video {
    /// H.264 in constrained baseline, as every browser takes it.
    pub fn h264() -> Self {
        let frames = Source::new().frames().iter().map(|frame| {
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

    /// Which frame and which payload of it these bytes are.
    pub fn place(&self, payload: &[u8]) -> Option<(usize, usize)> {
        self.frames
            .iter()
            .enumerate()
            .find_map(|(frame, payloads)| {
                let at = payloads.iter().position(|own| own == payload)?;
                Some((frame, at))
            })
    }

    /// Asserts that these packets are what the publisher sent: every packet, in order, unchanged,
    /// with continuous numbers and times. `keyframes` are where the publisher began again early.
    pub fn assert_continuous(&self, packets: &[Packet]) {
        let places: Vec<_> = packets
            .iter()
            .map(|packet| {
                let place = self.place(&packet.payload);
                place.expect("a payload is not what the publisher sent")
            })
            .collect();
        for (pair, packets) in places.windows(2).zip(packets.windows(2)) {
            let [(frame, at), next] = [pair[0], pair[1]];
            let [before, after] = [&packets[0].header, &packets[1].header];
            assert_eq!(
                after.sequence_number,
                before.sequence_number.wrapping_add(1),
                "after payload {at} of frame {frame}"
            );
            assert_eq!(after.ssrc, before.ssrc);
            let last = at + 1 == self.frames[frame].len();
            assert_eq!(before.marker, last);
            let ticks = after.timestamp.wrapping_sub(before.timestamp);
            if last {
                let following = ((frame + 1) % self.frames.len(), 0);
                // A keyframe may come early, when it was asked for.
                assert!(next == following || next == (0, 0), "{next:?}");
                assert_eq!(ticks, FRAME_TICKS);
            } else {
                assert_eq!(next, (frame, at + 1));
                assert_eq!(ticks, 0);
            }
        }
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
