//! Reading boxes of ISO/IEC 14496-12, as far as our own files have them.

/// A box being read: its kind, and its content without the header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) kind: [u8; 4],
    /// With its header.
    pub(crate) whole: &'a [u8],
    pub(crate) content: &'a [u8],
}

/// The whole boxes at the beginning of these bytes. Ends at the first that is torn or no box.
pub(crate) fn walk(bytes: &[u8]) -> impl Iterator<Item = Found<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..)?;
        let (kind, header, size) = head(rest)?;
        let size = usize::try_from(size).ok()?;
        let whole = rest.get(..size)?;
        let found = Found {
            kind,
            whole,
            content: &whole[header..],
        };
        at += size;
        Some(found)
    })
}

/// Kind, length of the header and length of the whole of the box that begins here. `None` for what is
/// none, or too short to tell.
pub(crate) fn head(bytes: &[u8]) -> Option<([u8; 4], usize, u64)> {
    let kind = bytes.get(4..8)?.try_into().ok()?;
    let (header, size) = match u32_at(bytes, 0)? {
        // The 64-bit form; a box to the end of the file (0) is never ours.
        1 => (16, u64_at(bytes, 8)?),
        short => (8, u64::from(short)),
    };
    (size >= header as u64).then_some((kind, header, size))
}

/// The first box of this kind at the beginning of these bytes.
pub(crate) fn find<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<Found<'a>> {
    walk(bytes).find(|found| found.kind == *kind)
}

/// The box at the end of this path.
pub(crate) fn descend<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<Found<'a>> {
    let (first, rest) = path.split_first()?;
    let found = find(bytes, first)?;
    match rest {
        [] => Some(found),
        rest => descend(found.content, rest),
    }
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use weir_media::Boxes;

    use super::*;

    #[test]
    fn torn_boxes_end_the_walk() {
        let mut out = Boxes::default();
        out.put(b"free", |out| out.zeros(5));
        out.put(b"moof", |out| out.put(b"mfhd", |out| out.u32(7)));
        let kinds = |bytes: &[u8]| walk(bytes).map(|found| found.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&out.bytes), [*b"free", *b"moof"]);
        let found = descend(&out.bytes, &[b"moof", b"mfhd"]).unwrap();
        assert_eq!(u32_at(found.content, 0), Some(7));
        for cut in 0..out.bytes.len() {
            assert!(kinds(&out.bytes[..cut]).len() < 2, "{cut}");
        }
        // Lengths that no box has.
        assert_eq!(kinds(b"\0\0\0\x07free"), [[0u8; 4]; 0]);
        assert_eq!(
            kinds(b"\0\0\0\x01free\xff\xff\xff\xff\xff\xff\xff\xff"),
            [[0u8; 4]; 0]
        );
    }
}
