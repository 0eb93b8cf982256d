//! One group of pictures of well-formed H.264 whose frames have the size that is wanted.
//!
//! Nothing is encoded: the picture is grey, and each frame paints as many macroblocks of raw samples
//! (`I_PCM`) as it needs bytes. Every decoder accepts it, so the HLS side of the server works on it
//! as on any stream.

use super::bits::Bits;

/// Width and height in macroblocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// 1280×720.
    pub(super) fn hd() -> Self {
        Self {
            width: 80,
            height: 45,
        }
    }

    /// Each side by this factor, in whole macroblocks.
    pub(super) fn smaller(self, factor: u32) -> Self {
        Self {
            width: self.width / factor,
            height: self.height / factor,
        }
    }

    fn mbs(self) -> u32 {
        self.width * self.height
    }
}

/// Bytes of an `I_PCM` macroblock: 256 luma and 128 chroma samples, and about two for its header.
const PCM_BYTES: usize = 386;

/// A keyframe has one raw macroblock for so many bytes of its group: about 50 kB, five times the mean
/// frame, at 2.5 Mbit/s.
const KEYFRAME_PART: u32 = 4_800;

/// NAL unit headers, the reference bits set (section 7.4.1).
const SPS: u8 = 0x67;
const PPS: u8 = 0x68;
const IDR_SLICE: u8 = 0x65;
const P_SLICE: u8 = 0x61;

/// Parameter sets and the slices of the frames; the first one is the keyframe.
#[derive(Debug)]
pub(super) struct Gop {
    pub(super) sps: Vec<u8>,
    pub(super) pps: Vec<u8>,
    pub(super) slices: Vec<Vec<u8>>,
}

impl Gop {
    /// A group of `frames` pictures, 2 to 255, of about `bytes` in all.
    pub(super) fn new(size: Size, frames: u32, fps: u32, bytes: usize) -> Self {
        debug_assert!((2..256).contains(&frames), "frame_num has 8 bits");
        let raw = bytes as u32 / KEYFRAME_PART;
        let keyframe = idr_slice(size, raw.clamp(1, size.mbs()));
        let left = bytes.saturating_sub(keyframe.len());
        let deltas = (frames - 1) as usize;
        let mut slices = vec![keyframe];
        let mut written = 0;
        for number in 1..frames {
            // Cumulative, so that rounding to whole macroblocks does not add up.
            let due = left * number as usize / deltas;
            let pcm = due.saturating_sub(written).div_ceil(PCM_BYTES).max(1);
            let slice = p_slice(size, number, pcm as u32);
            written += slice.len();
            slices.push(slice);
        }
        Self {
            sps: sps(size, fps),
            pps: pps(),
            slices,
        }
    }
}

/// Sequence parameter set (section 7.3.2.1.1): constrained baseline, level 3.1.
fn sps(size: Size, fps: u32) -> Vec<u8> {
    let mut bits = Bits::default();
    bits.fixed(66, 8);
    bits.fixed(0xC0, 8);
    bits.fixed(31, 8);
    bits.ue(0); // seq_parameter_set_id
    bits.ue(4); // log2_max_frame_num_minus4: frame_num has 8 bits
    bits.ue(2); // pic_order_cnt_type: output order is decoding order
    bits.ue(1); // max_num_ref_frames
    bits.bit(false); // gaps_in_frame_num_value_allowed_flag
    bits.ue(size.width - 1);
    bits.ue(size.height - 1);
    bits.bit(true); // frame_mbs_only_flag
    bits.bit(true); // direct_8x8_inference_flag
    bits.bit(false); // frame_cropping_flag
    bits.bit(true); // vui_parameters_present_flag (section E.1.1)
    bits.fixed(0, 4); // no aspect ratio, overscan, signal type, chroma location
    bits.bit(true); // timing_info_present_flag
    bits.fixed(1, 32); // num_units_in_tick, of half a frame
    bits.fixed(2 * fps, 32); // time_scale
    bits.bit(true); // fixed_frame_rate_flag
    bits.fixed(0, 3); // no HRD parameters, no picture structure
    bits.bit(true); // bitstream_restriction_flag
    bits.bit(true); // motion_vectors_over_pic_boundaries_flag
    bits.ue(0); // max_bytes_per_pic_denom
    bits.ue(0); // max_bits_per_mb_denom
    bits.ue(10); // log2_max_mv_length_horizontal
    bits.ue(10); // log2_max_mv_length_vertical
    bits.ue(0); // max_num_reorder_frames
    bits.ue(1); // max_dec_frame_buffering
    bits.into_nal(SPS)
}

/// Picture parameter set (section 7.3.2.2): CAVLC, one slice.
fn pps() -> Vec<u8> {
    let mut bits = Bits::default();
    bits.ue(0); // pic_parameter_set_id
    bits.ue(0); // seq_parameter_set_id
    bits.bit(false); // entropy_coding_mode_flag
    bits.bit(false); // bottom_field_pic_order_in_frame_present_flag
    bits.ue(0); // num_slice_groups_minus1
    bits.ue(0); // num_ref_idx_l0_default_active_minus1
    bits.ue(0); // num_ref_idx_l1_default_active_minus1
    bits.fixed(0, 3); // no weighted prediction
    bits.ue(0); // pic_init_qp_minus26
    bits.ue(0); // pic_init_qs_minus26
    bits.ue(0); // chroma_qp_index_offset
    bits.bit(true); // deblocking_filter_control_present_flag
    bits.bit(false); // constrained_intra_pred_flag
    bits.bit(false); // redundant_pic_cnt_present_flag
    bits.into_nal(PPS)
}

/// What all slice headers begin with (section 7.3.3).
fn slice_header(slice_type: u32, frame_num: u32) -> Bits {
    let mut bits = Bits::default();
    bits.ue(0); // first_mb_in_slice
    bits.ue(slice_type);
    bits.ue(0); // pic_parameter_set_id
    bits.fixed(frame_num, 8);
    bits
}

fn idr_slice(size: Size, raw: u32) -> Vec<u8> {
    let mut bits = slice_header(7, 0);
    bits.ue(0); // idr_pic_id
    bits.fixed(0, 2); // no_output_of_prior_pics_flag, long_term_reference_flag
    bits.ue(0); // slice_qp_delta
    bits.ue(1); // disable_deblocking_filter_idc
    let mut samples = Samples(1);
    for _ in raw..size.mbs() {
        bits.ue(3); // mb_type I_16x16_2_0_0: DC prediction, nothing coded
        bits.ue(0); // intra_chroma_pred_mode: DC
        bits.ue(0); // mb_qp_delta
        bits.bit(true); // coeff_token: no coefficients
    }
    // At the end: a raw macroblock changes how the coefficients of its neighbours are read.
    for _ in 0..raw {
        bits.ue(25); // mb_type I_PCM
        bits.align();
        bits.bytes(samples.macroblock());
    }
    bits.into_nal(IDR_SLICE)
}

fn p_slice(size: Size, frame_num: u32, pcm: u32) -> Vec<u8> {
    let mbs = size.mbs();
    let mut bits = slice_header(5, frame_num);
    bits.bit(false); // num_ref_idx_active_override_flag
    bits.bit(false); // ref_pic_list_modification_flag_l0
    bits.bit(false); // adaptive_ref_pic_marking_mode_flag
    bits.ue(0); // slice_qp_delta
    bits.ue(1); // disable_deblocking_filter_idc
    let pcm = pcm.min(mbs);
    let mut samples = Samples(frame_num.wrapping_mul(0x9E37_79B9) | 1);
    let mut next = 0;
    for number in 0..pcm {
        // Spread over the picture, one macroblock further in each frame.
        let step = mbs / pcm;
        let at = number * step + frame_num % step;
        bits.ue(at - next); // mb_skip_run
        bits.ue(5 + 25); // mb_type I_PCM among those of P slices
        bits.align();
        bits.bytes(samples.macroblock());
        next = at + 1;
    }
    if next < mbs {
        bits.ue(mbs - next); // mb_skip_run
    }
    bits.into_nal(P_SLICE)
}

/// Noise around grey; never zero, so that no byte needs emulation prevention.
struct Samples(u32);

impl Samples {
    fn macroblock(&mut self) -> impl Iterator<Item = u8> {
        (0..384).map(|_| {
            // Xorshift: any noise will do, as long as it is the same in each run.
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 17;
            self.0 ^= self.0 << 5;
            96 + (self.0 % 64) as u8
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use super::*;

    /// A decoder by others reads every frame of two groups without a complaint.
    #[test]
    fn ffmpeg_decodes_every_frame() {
        let gop = Gop::new(Size::hd(), 60, 30, 625_000);
        let mut annex_b = Vec::new();
        for _ in 0..2 {
            for nal in [&gop.sps, &gop.pps].into_iter().chain(&gop.slices) {
                annex_b.extend_from_slice(&[0, 0, 0, 1]);
                annex_b.extend_from_slice(nal);
            }
        }
        let mut child = Command::new("ffmpeg")
            .args(["-v", "warning", "-err_detect", "explode", "-f", "h264"])
            .args(["-i", "pipe:0", "-f", "framemd5", "pipe:1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ffmpeg is installed by script/bootstrap --test");
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(&annex_b).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.is_empty(), "{errors}");
        let text = String::from_utf8(output.stdout).unwrap();
        let frames: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(frames.len(), 120);
        // 1280×720 in 4:2:0.
        assert!(frames.iter().all(|line| line.contains("1382400")));
        // Each frame shows something else than the one before.
        let hash = |line: &str| line.rsplit(',').next().unwrap().trim().to_owned();
        assert!(frames.windows(2).all(|pair| hash(pair[0]) != hash(pair[1])));
    }

    #[test]
    fn size_is_what_was_asked() {
        let gop = Gop::new(Size::hd(), 60, 30, 625_000);
        let bytes: usize = gop.slices.iter().map(Vec::len).sum();
        assert!((620_000..631_000).contains(&bytes), "{bytes}");
        assert!((50_000..56_000).contains(&gop.slices[0].len()));
    }
}
