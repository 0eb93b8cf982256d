//! A look into an access unit.

use bytes::Bytes;

use super::{Malformed, bits::Bits, nal, nal_type, nal_units};

/// What an access unit holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// An IDR picture: decoding can start here.
    pub idr: bool,
    /// A slice that refers to later pictures.
    pub b_slice: bool,
    /// Nothing refers to this picture, so that it can be left out (`nal_ref_idc` 0).
    pub disposable: bool,
    /// Sequence parameter sets in it.
    pub sps: Vec<Bytes>,
    /// Picture parameter sets in it.
    pub pps: Vec<Bytes>,
    /// Supplemental enhancement information in it.
    pub sei: Vec<Bytes>,
}

/// Looks into an access unit with 4-byte lengths.
pub fn inspect(data: &Bytes) -> Result<Inspection, Malformed> {
    let mut found = Inspection::default();
    let mut slices = 0;
    let mut referenced = false;
    for unit in nal_units(data) {
        let unit = unit?;
        match nal_type(unit) {
            nal::IDR => {
                found.idr = true;
                referenced = true;
                slices += 1;
            }
            nal::SLICE | nal::PARTITION_A => {
                slices += 1;
                referenced |= unit[0] & 0x60 != 0;
                found.b_slice |= is_b_slice(&unit[1..]).unwrap_or(false);
            }
            // Parameter sets are small; whatever claims otherwise would not fit a configuration record.
            nal::SPS if unit.len() <= usize::from(u16::MAX) => found.sps.push(data.slice_ref(unit)),
            nal::PPS if unit.len() <= usize::from(u16::MAX) => found.pps.push(data.slice_ref(unit)),
            nal::SEI => found.sei.push(data.slice_ref(unit)),
            _ => {}
        }
    }
    found.disposable = slices > 0 && !referenced;
    Ok(found)
}

/// `slice_header` (clause 7.3.3): `first_mb_in_slice`, then `slice_type`; 1 and 6 are B.
fn is_b_slice(header: &[u8]) -> Result<bool, Malformed> {
    let mut bits = Bits::new(header);
    bits.ue()?;
    Ok(bits.ue()? % 5 == 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn unit(nals: &[&[u8]]) -> Bytes {
        nals.iter()
            .flat_map(|nal| [&(nal.len() as u32).to_be_bytes(), *nal].concat())
            .collect()
    }

    #[test]
    fn slices_say_what_they_are() {
        // first_mb 0 (1), slice_type 7: I (0001000); slice_type 6: B (00111); 5: P (00110)
        let idr = inspect(&unit(&[&[0x67, 1], &[0x68, 2], &[0x65, 0b1000_1000]])).unwrap();
        assert!(idr.idr && !idr.b_slice && !idr.disposable);
        assert_eq!((idr.sps.len(), idr.pps.len()), (1, 1));
        let b = inspect(&unit(&[&[0x01, 0b1001_1100]])).unwrap();
        assert!(b.b_slice && b.disposable && !b.idr);
        let p = inspect(&unit(&[&[0x41, 0b1001_1000]])).unwrap();
        assert!(!p.b_slice && !p.disposable);
        assert_eq!(
            inspect(&Bytes::from_static(&[0, 0, 0, 5, 1])),
            Err(Malformed)
        );
    }
}
