//! Pictures in another size: bilinear, with two taps each way.
//!
//! Rungs are scaled from one to the next in small steps, for which two taps do. GStreamer's `videoscale` does
//! the same at two to three times the cost.

use anyhow::Context;
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_video::{
    VideoFormat, VideoFrameExt, VideoFrameFlags, VideoFrameRef, VideoInfo, VideoMeta,
};

/// Where a line or a column of the new picture comes from: the one at `at` and the next, in 256ths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tap {
    at: usize,
    weight: u16,
}

const WHOLE: u16 = 256;

/// What `to` of them are made of, when there were `from`.
fn taps(from: usize, to: usize) -> Vec<Tap> {
    const HALF: u64 = 1 << 15;
    let step = ((from as u64) << 16) / (to.max(1) as u64);
    let tap = |number: u64| {
        // Middles of pixels lie upon middles.
        let middle = (number * step + step / 2).saturating_sub(HALF);
        let at = (middle >> 16) as usize;
        if at + 1 < from {
            let weight = (middle >> 8 & 0xff) as u16;
            Tap { at, weight }
        } else {
            Tap {
                at: from.saturating_sub(2),
                weight: WHOLE,
            }
        }
    };
    (0..to as u64).map(tap).collect()
}

fn mix(first: u8, second: u8, weight: u16) -> u8 {
    let sum = u16::from(first) * (WHOLE - weight) + u16::from(second) * weight;
    // At most 255 * 256 + 128.
    ((sum + WHOLE / 2) >> 8) as u8
}

/// One plane's way from a size to another.
#[derive(Debug)]
struct Plane {
    columns: Vec<Tap>,
    rows: Vec<Tap>,
    /// A line of the new picture, as wide as the old one.
    line: Vec<u8>,
}

impl Plane {
    fn new(from: (usize, usize), to: (usize, usize)) -> Self {
        Self {
            columns: taps(from.0, to.0),
            rows: taps(from.1, to.1),
            line: vec![0; from.0],
        }
    }

    /// Lines of `old` are `stride` bytes apart, those of `new` `new_stride`.
    fn scale(&mut self, old: &[u8], stride: usize, new: &mut [u8], new_stride: usize) {
        let width = self.line.len();
        for (row, new) in self.rows.iter().zip(new.chunks_mut(new_stride)) {
            let line = |at: usize| old.get(at * stride..at * stride + width);
            let Some(first) = line(row.at) else { return };
            let second = line(row.at + 1).unwrap_or(first);
            for ((first, second), new) in first.iter().zip(second).zip(&mut self.line) {
                *new = mix(*first, *second, row.weight);
            }
            for (column, new) in self.columns.iter().zip(new) {
                *new = match self.line[column.at..] {
                    [first, second, ..] => mix(first, second, column.weight),
                    [only] => only,
                    [] => return,
                };
            }
        }
    }
}

/// Brings I420 pictures into one size.
#[derive(Debug)]
pub struct Scaler {
    to: VideoInfo,
    pool: gst::BufferPool,
    /// The pictures that `planes` are for.
    from: VideoInfo,
    planes: [Plane; 3],
}

impl Scaler {
    /// One that makes pictures of this size.
    pub fn new(width: u32, height: u32) -> anyhow::Result<Self> {
        let to = VideoInfo::builder(VideoFormat::I420, width, height).build()?;
        let pool = gst::BufferPool::new();
        let mut config = pool.config();
        let size = u32::try_from(to.size()).context("no picture is so large")?;
        config.set_params(Some(&to.to_caps()?), size, 0, 0);
        pool.set_config(config)?;
        pool.set_active(true)?;
        Ok(Self {
            planes: planes(&to, &to),
            from: to.clone(),
            to,
            pool,
        })
    }

    /// The picture in the new size, which may be the one it has. Its [`VideoMeta`] tells the old one.
    pub fn scale(&mut self, old: &gst::Buffer) -> anyhow::Result<gst::Buffer> {
        let (width, height) = {
            let meta = old.meta::<VideoMeta>().context("a picture of no size")?;
            (meta.width(), meta.height())
        };
        if (width, height) == (self.to.width(), self.to.height()) {
            return Ok(old.clone());
        }
        if (width, height) != (self.from.width(), self.from.height()) {
            self.from = VideoInfo::builder(VideoFormat::I420, width, height).build()?;
            self.planes = planes(&self.from, &self.to);
        }
        let frame = VideoFrameRef::from_buffer_ref_readable(old, &self.from)?;
        let mut new = self.pool.acquire_buffer(None)?;
        let writable = new.get_mut().context("a new buffer is nobody else's")?;
        old.copy_into(
            writable,
            gst::BufferCopyFlags::TIMESTAMPS | gst::BufferCopyFlags::FLAGS,
            ..,
        )?;
        let mut made = VideoFrameRef::from_buffer_ref_writable(writable, &self.to)?;
        for (number, plane) in self.planes.iter_mut().enumerate() {
            let index = u32::try_from(number)?;
            let [stride, new_stride] = [frame.plane_stride(), made.plane_stride()]
                .map(|strides| strides.get(number).copied().unwrap_or_default());
            let (stride, new_stride) = (usize::try_from(stride)?, usize::try_from(new_stride)?);
            let old = frame.plane_data(index)?;
            plane.scale(old, stride, made.plane_data_mut(index)?, new_stride.max(1));
        }
        drop(made);
        Ok(new)
    }
}

impl Drop for Scaler {
    fn drop(&mut self) {
        // Else it would keep its buffers. There is nothing to be done where that fails.
        let _ = self.pool.set_active(false);
    }
}

fn planes(from: &VideoInfo, to: &VideoInfo) -> [Plane; 3] {
    std::array::from_fn(|number| Plane::new(plane_size(from, number), plane_size(to, number)))
}

/// Width and height of a plane of I420: of luma all, of each chroma half.
fn plane_size(info: &VideoInfo, number: usize) -> (usize, usize) {
    let [width, height] = [info.width(), info.height()].map(|side| match number {
        0 => side,
        _ => side.div_ceil(2),
    });
    (width as usize, height as usize)
}

/// Notes in the buffer what these caps say of its picture, if its decoder did not.
pub fn note_size(buffer: &mut gst::Buffer, caps: &gst::CapsRef) -> anyhow::Result<()> {
    if buffer.meta::<VideoMeta>().is_none() {
        let info = VideoInfo::from_caps(caps)?;
        let none = VideoFrameFlags::empty();
        let (width, height) = (info.width(), info.height());
        VideoMeta::add(buffer.make_mut(), none, info.format(), width, height)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn taps_stay_inside_and_are_even() {
        for (from, to) in [(1280, 852), (720, 480), (852, 640), (2, 1), (3, 7), (1, 1)] {
            let taps = taps(from, to);
            assert_eq!(taps.len(), to);
            assert!(taps.iter().all(|tap| tap.at + 1 < from.max(2)));
            assert!(taps.iter().all(|tap| tap.weight <= WHOLE));
        }
        // Three become two: their middles are at 1/4 and 1 3/4.
        let found: Vec<_> = taps(6, 4).iter().map(|tap| (tap.at, tap.weight)).collect();
        assert_eq!(found, [(0, 64), (1, 192), (3, 64), (4, 192)]);
    }

    #[test]
    fn a_slope_stays_a_slope() {
        let (from, to) = ((96, 48), (64, 32));
        let stride = 100;
        let old: Vec<u8> = (0..stride * from.1)
            .map(|at| (at % stride + at / stride) as u8)
            .collect();
        let mut new = vec![0; 70 * to.1];
        Plane::new(from, to).scale(&old, stride, &mut new, 70);
        for y in 0..to.1 {
            for x in 0..to.0 {
                let middle = |at: usize| (at as f64 + 0.5) * 1.5 - 0.5;
                let expected = middle(x) + middle(y);
                let found = f64::from(new[y * 70 + x]);
                assert!(
                    (found - expected).abs() <= 1.0,
                    "{x} {y}: {found} {expected}"
                );
            }
            assert!(
                new[y * 70 + to.0..(y + 1) * 70]
                    .iter()
                    .all(|rest| *rest == 0)
            );
        }
    }

    fn picture(width: u32, height: u32, colours: [u8; 3]) -> gst::Buffer {
        let info = VideoInfo::builder(VideoFormat::I420, width, height).build();
        let mut buffer = gst::Buffer::with_size(info.as_ref().unwrap().size()).unwrap();
        buffer
            .get_mut()
            .unwrap()
            .set_pts(gst::ClockTime::from_mseconds(40));
        note_size(&mut buffer, &info.as_ref().unwrap().to_caps().unwrap()).unwrap();
        let writable = buffer.get_mut().unwrap();
        let mut frame = VideoFrameRef::from_buffer_ref_writable(writable, &info.unwrap()).unwrap();
        for (plane, colour) in (0..).zip(colours) {
            frame.plane_data_mut(plane).unwrap().fill(colour);
        }
        drop(frame);
        buffer
    }

    #[test]
    fn each_plane_keeps_its_colour_whatever_the_size() {
        gst::init().unwrap();
        let mut scaler = Scaler::new(426, 240).unwrap();
        // Odd sizes, larger and smaller ones, one after another.
        for (width, height) in [(1280, 720), (641, 361), (320, 180), (426, 240)] {
            let old = picture(width, height, [200, 90, 30]);
            let new = scaler.scale(&old).unwrap();
            assert_eq!(new.pts(), old.pts());
            let frame = VideoFrameRef::from_buffer_ref_readable(&new, &scaler.to).unwrap();
            assert_eq!((frame.width(), frame.height()), (426, 240));
            for (plane, colour) in (0..).zip([200, 90, 30]) {
                let stride = frame.plane_stride()[plane as usize] as usize;
                let (width, height) = plane_size(&scaler.to, plane as usize);
                let lines = frame.plane_data(plane).unwrap().chunks(stride).take(height);
                assert!(
                    lines
                        .flat_map(|line| &line[..width])
                        .all(|pixel| *pixel == colour)
                );
            }
        }
    }
}
