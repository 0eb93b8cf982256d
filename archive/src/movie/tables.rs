//! `ftyp`, `moov` and the head of `mdat` (ISO/IEC 14496-12, clauses 4.3 and 8).

use std::io;

use weir_media::Boxes;

use super::plan::{Plan, Track};
use crate::fragment::{Init, nanos, ticks};

/// Ticks a second of the movie itself.
const MOVIE: u32 = 1000;

/// The unity matrix.
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// `und`, undetermined.
const LANGUAGE: u16 = 0x55c4;

/// `mdat` in its 64-bit form.
const MDAT: u64 = 16;

/// Writes all that stands before the media, of which there are so many bytes; gives its length.
pub(super) fn write_head(out: &mut impl io::Write, plan: &Plan, media: u64) -> io::Result<u64> {
    let mut head = Boxes::default();
    head.put(b"ftyp", |out| {
        out.slice(b"isom");
        out.u32(0x200);
        out.slice(b"isomiso2avc1mp41");
    });
    let before = head.bytes.len() as u64;
    // Offsets have a fixed length: what they are does not change where the media begins.
    let length = before + moov(plan, 0)?.len() as u64 + MDAT;
    head.slice(&moov(plan, length)?);
    head.u32(1);
    head.slice(b"mdat");
    head.u64(media + MDAT);
    out.write_all(&head.bytes)?;
    Ok(length)
}

fn moov(plan: &Plan, media_at: u64) -> io::Result<Vec<u8>> {
    let mut offsets: Vec<Vec<u64>> = plan.tracks.iter().map(|_| Vec::new()).collect();
    let mut at = media_at;
    for (track, chunk) in plan.order() {
        offsets[*track].push(at);
        at += plan.tracks[*track].chunks[*chunk].bytes();
    }
    let duration = ticks(plan.duration, MOVIE);
    let mut out = Boxes::default();
    let mut result = Ok(());
    out.put(b"moov", |out| {
        out.full(b"mvhd", 1, 0, |out| {
            out.zeros(16);
            out.u32(MOVIE);
            out.u64(duration);
            out.u32(0x1_0000); // rate
            out.u16(0x100); // volume
            out.zeros(10);
            MATRIX.iter().for_each(|value| out.u32(*value));
            out.zeros(24);
            out.u32(plan.tracks.len() as u32 + 1); // next_track_ID
        });
        for (number, (track, offsets)) in plan.tracks.iter().zip(&offsets).enumerate() {
            match Init::read(&track.init) {
                Some(init) => out.put(b"trak", |out| {
                    trak(out, number as u32 + 1, track, init, duration, offsets);
                }),
                None => result = Err(io::ErrorKind::InvalidData.into()),
            }
        }
    });
    result.map(|()| out.bytes)
}

fn trak(
    out: &mut Boxes,
    number: u32,
    track: &Track,
    init: Init<'_>,
    duration: u64,
    offsets: &[u64],
) {
    const ENABLED_IN_MOVIE: u32 = 3;
    out.full(b"tkhd", 1, ENABLED_IN_MOVIE, |out| {
        out.zeros(16);
        out.u32(number);
        out.zeros(4);
        out.u64(duration);
        out.zeros(8);
        out.u16(0); // layer
        out.u16(0); // alternate group
        out.u16(if init.is_video { 0 } else { 0x100 }); // volume
        out.zeros(2);
        MATRIX.iter().for_each(|value| out.u32(*value));
        // Width and height are the last.
        match init.header.last_chunk::<8>() {
            Some(size) => out.slice(size),
            None => out.zeros(8),
        }
    });
    edits(out, track, duration);
    let lasts: u64 = track
        .chunks
        .iter()
        .flat_map(|chunk| &chunk.samples)
        .map(|sample| u64::from(sample.duration))
        .sum();
    out.put(b"mdia", |out| {
        out.full(b"mdhd", 1, 0, |out| {
            out.zeros(16);
            out.u32(track.timescale);
            out.u64(lasts);
            out.u16(LANGUAGE);
            out.zeros(2);
        });
        out.full(b"hdlr", 0, 0, |out| {
            out.u32(0);
            out.slice(if init.is_video { b"vide" } else { b"soun" });
            out.zeros(12);
            out.slice(b"weir\0");
        });
        out.put(b"minf", |out| {
            match init.is_video {
                true => out.full(b"vmhd", 0, 1, |out| out.zeros(8)),
                false => out.full(b"smhd", 0, 0, |out| out.zeros(4)),
            }
            out.put(b"dinf", |out| {
                out.full(b"dref", 0, 0, |out| {
                    out.u32(1);
                    out.full(b"url ", 0, 1, |_| {});
                });
            });
            out.put(b"stbl", |out| samples(out, track, init, offsets));
        });
    });
}

/// The edit list: where on the track's timeline, which begins with the first sample's decoding, the movie
/// begins.
fn edits(out: &mut Boxes, track: &Track, duration: u64) {
    let first = track.chunks.first().map_or(0, |chunk| chunk.decode);
    // A track that begins after the movie: nothing is shown until then.
    let late = u64::try_from(first).unwrap_or(0);
    let late = ticks(nanos(late, track.timescale), MOVIE).min(duration);
    let skipped = u64::try_from(-first).unwrap_or(0);
    out.put(b"edts", |out| {
        out.full(b"elst", 1, 0, |out| {
            out.u32(1 + u32::from(late > 0));
            if late > 0 {
                out.u64(late);
                out.u64(u64::MAX); // -1: empty
                out.u32(0x1_0000);
            }
            out.u64(duration - late);
            out.u64(skipped);
            out.u32(0x1_0000);
        });
    });
}

fn samples(out: &mut Boxes, track: &Track, init: Init<'_>, offsets: &[u64]) {
    let all = || track.chunks.iter().flat_map(|chunk| &chunk.samples);
    let count = all().count() as u32;
    out.slice(init.description);
    out.full(b"stts", 0, 0, |out| {
        pairs(out, all().map(|sample| sample.duration));
    });
    if all().any(|sample| sample.composition != 0) {
        // Version 1: signed.
        out.full(b"ctts", 1, 0, |out| {
            pairs(out, all().map(|sample| sample.composition.cast_unsigned()));
        });
    }
    if init.is_video {
        let keyframes: Vec<u32> = (1..)
            .zip(all())
            .filter(|(_, sample)| sample.keyframe)
            .map(|(number, _)| number)
            .collect();
        out.full(b"stss", 0, 0, |out| {
            out.u32(keyframes.len() as u32);
            keyframes.iter().for_each(|number| out.u32(*number));
        });
    }
    out.full(b"stsc", 0, 0, |out| {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for (number, chunk) in (1..).zip(&track.chunks) {
            let samples = chunk.samples.len() as u32;
            if runs.last().is_none_or(|(_, of_last)| *of_last != samples) {
                runs.push((number, samples));
            }
        }
        out.u32(runs.len() as u32);
        for (first, samples) in runs {
            out.u32(first);
            out.u32(samples);
            out.u32(1); // sample description
        }
    });
    out.full(b"stsz", 0, 0, |out| {
        out.u32(0);
        out.u32(count);
        all().for_each(|sample| out.u32(sample.size));
    });
    out.full(b"co64", 0, 0, |out| {
        out.u32(offsets.len() as u32);
        offsets.iter().for_each(|offset| out.u64(*offset));
    });
}

/// Runs of equal values: how many, and which.
fn pairs(out: &mut Boxes, values: impl Iterator<Item = u32>) {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for value in values {
        match runs.last_mut().filter(|(_, last)| *last == value) {
            Some((count, _)) => *count += 1,
            None => runs.push((1, value)),
        }
    }
    out.u32(runs.len() as u32);
    for (count, value) in runs {
        out.u32(count);
        out.u32(value);
    }
}
