//! What a fragment (`moof` and `mdat`) of ours says of its samples, and what an initialisation segment
//! says of its track.

use weir_media::Boxes;

use crate::boxes::{descend, find, u32_at, u64_at};

/// Nanoseconds of a second.
const SECOND: u128 = 1_000_000_000;

/// `sample_is_non_sync_sample` (ISO/IEC 14496-12, clause 8.8.3.1).
const NON_SYNC: u32 = 0x1_0000;

/// Seconds from 1900, where NTP's time begins, to 1970.
const NTP_TO_UNIX: u64 = 2_208_988_800;

/// One coded picture or audio frame, in ticks of the track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) duration: u32,
    pub(crate) size: u32,
    pub(crate) composition: i32,
    pub(crate) keyframe: bool,
}

/// A fragment's samples, which stand one after the other at the beginning of its `mdat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fragment {
    /// Decoding time of the first sample, in ticks.
    pub(crate) decode: u64,
    pub(crate) samples: Vec<Sample>,
    /// Where the samples begin, from the beginning of the `moof`.
    pub(crate) data: u32,
}

impl Fragment {
    /// Reads the content of a `moof` as our worker writes it: one track, one run, each sample with its own
    /// duration, size, flags and composition. `None` for anything else.
    pub(crate) fn read(moof: &[u8]) -> Option<Self> {
        const DATA_OFFSET: u32 = 0x1;
        const ALL_OF_EACH: u32 = 0xf00;
        let traf = find(moof, b"traf")?.content;
        let tfdt = find(traf, b"tfdt")?.content;
        let decode = match tfdt.first()? {
            0 => u32_at(tfdt, 4)?.into(),
            _ => u64_at(tfdt, 4)?,
        };
        let trun = find(traf, b"trun")?.content;
        if u32_at(trun, 0)? & 0xff_ffff != DATA_OFFSET | ALL_OF_EACH {
            return None;
        }
        let count = u32_at(trun, 4)? as usize;
        let entries = trun.get(12..)?;
        // The count is believed as far as there are entries.
        if count == 0 || entries.len() != count.checked_mul(16)? {
            return None;
        }
        let samples = entries.chunks_exact(16).map(|entry| {
            Some(Sample {
                duration: u32_at(entry, 0)?,
                size: u32_at(entry, 4)?,
                keyframe: u32_at(entry, 8)? & NON_SYNC == 0,
                composition: u32_at(entry, 12)?.cast_signed(),
            })
        });
        Some(Self {
            decode,
            samples: samples.collect::<Option<_>>()?,
            data: u32_at(trun, 8)?,
        })
    }

    /// Sum of its durations, in ticks.
    pub(crate) fn ticks(&self) -> u64 {
        self.samples.iter().map(|it| u64::from(it.duration)).sum()
    }

    /// When its first sample is shown, in ticks.
    pub(crate) fn shown(&self) -> u64 {
        let composition = self.samples.first().map_or(0, |it| it.composition);
        self.decode.saturating_add_signed(composition.into())
    }

    /// Bytes of its samples.
    pub(crate) fn bytes(&self) -> u64 {
        self.samples.iter().map(|it| u64::from(it.size)).sum()
    }
}

/// What an initialisation segment (`ftyp moov`) says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Init<'a> {
    pub(crate) timescale: u32,
    /// The whole `stsd` box.
    pub(crate) description: &'a [u8],
    /// Content of `tkhd`.
    pub(crate) header: &'a [u8],
    pub(crate) is_video: bool,
}

impl<'a> Init<'a> {
    /// Reads one; `None` for what is none.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let trak = descend(bytes, &[b"moov", b"trak"])?.content;
        let mdia = find(trak, b"mdia")?.content;
        let mdhd = find(mdia, b"mdhd")?.content;
        let timescale = match mdhd.first()? {
            0 => u32_at(mdhd, 12)?,
            _ => u32_at(mdhd, 20)?,
        };
        let stbl = descend(mdia, &[b"minf", b"stbl"])?.content;
        (timescale > 0).then_some(Self {
            timescale,
            description: find(stbl, b"stsd")?.whole,
            header: find(trak, b"tkhd")?.content,
            is_video: find(mdia, b"hdlr")?.content.get(8..12)? == b"vide",
        })
    }
}

/// Ticks as nanoseconds.
pub(crate) fn nanos(ticks: u64, timescale: u32) -> u64 {
    let nanos = u128::from(ticks) * SECOND / u128::from(timescale.max(1));
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

/// Nanoseconds as ticks, the nearest.
pub(crate) fn ticks(nanos: u64, timescale: u32) -> u64 {
    let ticks = (u128::from(nanos) * u128::from(timescale) + SECOND / 2) / SECOND;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// `prft`, producer reference time (clause 8.16.5): the date of a media time. It stands in front of the
/// first fragment of each segment in our files, so that the files alone say what was when.
pub(crate) fn reference_time(date: i64, media: u64) -> Vec<u8> {
    let micros = date.max(0).unsigned_abs();
    let seconds = (micros / 1_000_000 + NTP_TO_UNIX) & 0xffff_ffff;
    let fraction = ((micros % 1_000_000) << 32).div_ceil(1_000_000);
    let mut out = Boxes::default();
    out.full(b"prft", 1, 0, |out| {
        out.u32(1); // reference_track_ID
        out.u64(seconds << 32 | fraction);
        out.u64(media);
    });
    out.bytes
}

/// The date in the content of a `prft`, in microseconds since the Unix epoch.
pub(crate) fn read_reference_time(content: &[u8]) -> Option<i64> {
    let ntp = u64_at(content, 8)?;
    let seconds = (ntp >> 32).checked_sub(NTP_TO_UNIX)?;
    let micros = seconds * 1_000_000 + (((ntp & 0xffff_ffff) * 1_000_000) >> 32);
    i64::try_from(micros).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn dates_survive_their_box() {
        for date in [0, 1, 999_999, 1_795_262_400_123_456] {
            let bytes = reference_time(date, 7);
            let found = find(&bytes, b"prft").unwrap();
            assert_eq!(read_reference_time(found.content), Some(date));
        }
    }

    #[test]
    fn ticks_and_back() {
        for ticks_in in [0, 1, 1024, 90_000, 123_456_789] {
            for rate in [44_100, 48_000, 90_000] {
                assert_eq!(ticks(nanos(ticks_in, rate), rate), ticks_in);
            }
        }
    }

    #[test]
    fn what_is_no_fragment_of_ours_is_refused() {
        assert_eq!(Fragment::read(b""), None);
        let mut out = Boxes::default();
        out.put(b"traf", |out| {
            out.full(b"tfdt", 1, 0, |out| out.u64(5));
            out.full(b"trun", 1, 0xf01, |out| {
                out.u32(1_000_000); // more than there is
                out.u32(0);
            });
        });
        assert_eq!(Fragment::read(&out.bytes), None);
    }
}
