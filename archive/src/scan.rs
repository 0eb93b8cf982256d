//! Reads the files of a track back, as they are after a crash: what is whole stays, what is torn is cut.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use weir_media::clock::WallMicros;

use crate::{
    boxes,
    fragment::{Fragment, nanos, read_reference_time},
};

/// Largest `moof` that is ours. One of a part has some hundred bytes.
const MOOF_MAX: u64 = 1 << 20;

/// A segment as its file has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scanned {
    pub(crate) offset: u64,
    pub(crate) len: u64,
    /// Nanoseconds.
    pub(crate) start: u64,
    /// Nanoseconds.
    pub(crate) duration: u64,
    pub(crate) date: WallMicros,
}

/// The segments of a file; what is behind the last whole fragment is cut off.
pub(crate) fn repair(path: &Path, timescale: u32) -> io::Result<Vec<Scanned>> {
    let (segments, good) = scan(path, timescale)?;
    let length = path.metadata()?.len();
    if good < length {
        tracing::info!(path = %path.display(), bytes = length - good, "a torn end was cut off");
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(good)?;
        file.sync_all()?;
    }
    Ok(segments)
}

/// The segments of a file, and where the last whole fragment ends.
fn scan(path: &Path, timescale: u32) -> io::Result<(Vec<Scanned>, u64)> {
    let mut file = BufReader::new(File::open(path)?);
    let length = file.get_ref().metadata()?.len();
    let mut segments: Vec<Scanned> = Vec::new();
    let (mut at, mut good) = (0, 0);
    // Of the segment that begins here, once its first fragment is whole.
    let mut date = None;
    let mut fragment = None;
    let mut head = [0; 16];
    while at + 8 <= length {
        let some = usize::try_from((length - at).min(16)).unwrap_or(16);
        file.read_exact(&mut head[..some])?;
        let Some((kind, header, size)) = boxes::head(&head[..some]) else {
            break;
        };
        if at + size > length {
            break;
        }
        let content_at = at + header as u64;
        match &kind {
            b"prft" | b"moof" if size <= MOOF_MAX => {
                file.seek(SeekFrom::Start(content_at))?;
                let mut content = vec![0; usize::try_from(size).unwrap_or(0) - header];
                file.read_exact(&mut content)?;
                if kind == *b"prft" {
                    date = read_reference_time(&content);
                } else {
                    fragment = Fragment::read(&content);
                }
            }
            b"mdat" => {
                let Some(found) = fragment.take() else { break };
                if found.bytes() > size - header as u64 {
                    break;
                }
                let end = at + size;
                let duration = nanos(found.ticks(), timescale);
                match (date.take(), segments.last_mut()) {
                    (Some(date), _) => segments.push(Scanned {
                        offset: good,
                        len: end - good,
                        start: nanos(found.shown(), timescale),
                        duration,
                        date,
                    }),
                    (None, Some(segment)) => {
                        segment.len = end - segment.offset;
                        segment.duration += duration;
                    }
                    // A file begins with a segment.
                    (None, None) => break,
                }
                good = end;
            }
            b"styp" => {}
            _ => break,
        }
        at += size;
        file.seek(SeekFrom::Start(at))?;
    }
    Ok((segments, good))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use weir_media::Boxes;

    use super::*;
    use crate::fragment::reference_time;

    /// A part of two samples of a second each, as the worker writes it.
    fn part(decode: u64, first_of_segment: bool) -> Vec<u8> {
        let mut out = Boxes::default();
        if first_of_segment {
            out.put(b"styp", |out| out.slice(b"msdh\0\0\0\0msdhmsix"));
        }
        out.put(b"moof", |out| {
            out.full(b"mfhd", 0, 0, |out| out.u32(1));
            out.put(b"traf", |out| {
                out.full(b"tfdt", 1, 0, |out| out.u64(decode));
                out.full(b"trun", 1, 0xf01, |out| {
                    out.u32(2);
                    out.u32(0);
                    for _ in 0..2 {
                        out.u32(1000);
                        out.u32(5);
                        out.u32(0x0200_0000);
                        out.u32(0);
                    }
                });
            });
        });
        out.put(b"mdat", |out| out.slice(b"helloworld"));
        out.bytes
    }

    fn file() -> Vec<u8> {
        let mut all = Vec::new();
        for (decode, segment) in [(0, true), (2000, false), (4000, true), (6000, false)] {
            let bytes = part(decode, segment);
            let head = boxes::find(&bytes, b"styp").map_or(0, |it| it.whole.len());
            all.extend_from_slice(&bytes[..head]);
            if segment {
                all.extend_from_slice(&reference_time(decode as i64 * 1000 + 7_000_000, decode));
            }
            all.extend_from_slice(&bytes[head..]);
        }
        all
    }

    #[test]
    fn a_file_torn_anywhere_keeps_its_whole_fragments() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0-v0-0.m4s");
        let whole = file();
        std::fs::write(&path, &whole).unwrap();
        let all = repair(&path, 1000).unwrap();
        let second = 1_000_000_000;
        assert_eq!(all.len(), 2);
        assert_eq!((all[1].start, all[1].duration), (4 * second, 4 * second));
        assert_eq!(all[1].date, 11_000_000);
        assert_eq!(all[1].offset + all[1].len, whole.len() as u64);
        let mut known = Vec::new();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let left = repair(&path, 1000).unwrap();
            let length = path.metadata().unwrap().len();
            let lasts: u64 = left.iter().map(|it| it.duration).sum();
            let of_segments = left.last().map_or(0, |it| it.offset + it.len);
            assert_eq!(length, of_segments, "cut at {cut}");
            assert!(lasts.is_multiple_of(2 * second));
            if known.last() != Some(&lasts) {
                known.push(lasts);
            }
            // What was repaired is whole.
            assert_eq!(repair(&path, 1000).unwrap(), left);
        }
        assert_eq!(known, [0, 2 * second, 4 * second, 6 * second]);
    }

    #[test]
    fn zeros_that_a_file_system_left_are_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0-v0-0.m4s");
        let mut bytes = file();
        let whole = bytes.len() as u64;
        bytes.extend_from_slice(&[0; 4096]);
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(repair(&path, 1000).unwrap().len(), 2);
        assert_eq!(path.metadata().unwrap().len(), whole);
    }
}
