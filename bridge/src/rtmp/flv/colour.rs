//! `VideoPacketType.Metadata` of Enhanced RTMP: the colours of the video ("Metadata Frame").

use bytes::Bytes;

use crate::rtmp::amf0;

/// Metadata is some hundred bytes; a longer one is not read, since AMF0 grows when it is decoded.
const LONGEST: usize = 16 * 1024;
/// Transfer characteristics of ITU-T H.273, table 3: SMPTE ST 2084 and ARIB STD-B67.
const PQ: u8 = 16;
const HLG: u8 = 18;

/// What `colorInfo` says of a video. What it does not say is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ColourInfo {
    /// Bits of a sample.
    pub bit_depth: u8,
    /// Colour primaries (ITU-T H.273, table 2).
    pub primaries: u8,
    /// Transfer characteristics (table 3).
    pub transfer: u8,
    /// Matrix coefficients (table 4).
    pub matrix: u8,
    /// Maximum light level of a pixel, cd/m².
    pub max_cll: f64,
}

impl ColourInfo {
    /// Whether the video has a high dynamic range, by name.
    pub fn hdr(&self) -> Option<&'static str> {
        match self.transfer {
            PQ => Some("HDR (PQ)"),
            HLG => Some("HDR (HLG)"),
            _ => None,
        }
    }
}

/// Reads the body: names, each followed by its value. None when it says nothing of colours, or is not
/// AMF0.
pub(super) fn read(body: Bytes) -> Option<ColourInfo> {
    if body.len() > LONGEST {
        return None;
    }
    let values = amf0::decode_all(body).ok()?;
    let at = values
        .iter()
        .position(|value| value.as_str() == Some("colorInfo"))?;
    let information = values.get(at + 1)?;
    let number = |group: &str, name: &str| {
        information
            .get(group)
            .and_then(|group| group.get(name)?.as_f64())
            .filter(|number| number.is_finite())
            .unwrap_or_default()
    };
    // Casts of floats saturate.
    let small = |name: &str| number("colorConfig", name) as u8;
    Some(ColourInfo {
        bit_depth: small("bitDepth"),
        primaries: small("colorPrimaries"),
        transfer: small("transferCharacteristics"),
        matrix: small("matrixCoefficients"),
        max_cll: number("hdrCll", "maxCLL"),
    })
}
