//! RTCP (RFC 3550 section 6, feedback of RFC 4585 and RFC 5104, REMB, transport-wide feedback): a
//! compound packet is read in place and written at a buffer's end, without allocation.

mod feedback;
mod report;
mod write;

pub use feedback::{Fir, FirEntry, Nack, Pli, Remb};
pub use report::{Blocks, Bye, ReceiverReport, ReportBlock, Sdes, SenderInfo, SenderReport, Ssrcs};
pub use write::{
    write_bye, write_nack, write_pli, write_receiver_report, write_sdes, write_sender_report,
};

use crate::{
    Malformed,
    packet::{u16_at, u32_at},
    twcc,
};

/// Octets of the header that all packets share.
const HEADER: usize = 4;

/// Packet types: RFC 3550 section 12.1, RFC 4585 section 6.1.
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;

/// Formats of transport feedback: RFC 4585 section 6.2.1, transport-wide feedback's draft.
const NACK: u8 = 1;
const TWCC: u8 = 15;

/// Formats of payload feedback: RFC 4585 section 6.3, RFC 5104 section 4.3.1.
const PLI: u8 = 1;
const FIR: u8 = 4;
const APPLICATION: u8 = 15;

/// One packet of a compound.
#[derive(Debug, Clone)]
pub enum Rtcp<'a> {
    /// RFC 3550 section 6.4.1.
    SenderReport(SenderReport<'a>),
    /// RFC 3550 section 6.4.2.
    ReceiverReport(ReceiverReport<'a>),
    /// RFC 3550 section 6.5.
    Sdes(Sdes<'a>),
    /// RFC 3550 section 6.6.
    Bye(Bye<'a>),
    /// RFC 4585 section 6.2.1.
    Nack(Nack<'a>),
    /// RFC 4585 section 6.3.1.
    Pli(Pli),
    /// RFC 5104 section 4.3.1.
    Fir(Fir<'a>),
    /// draft-alvestrand-rmcat-remb-03.
    Remb(Remb<'a>),
    /// draft-holmer-rmcat-transport-wide-cc-extensions-01.
    Twcc(twcc::Feedback<'a>),
    /// Well-formed as a packet, and of a kind that nobody here reads.
    Other {
        /// Packet type.
        packet_type: u8,
        /// Its subtype, format or count: five bits.
        format: u8,
    },
}

/// The packets of a compound, in order. After an error there is nothing more to be found.
///
/// Reduced-size compounds (RFC 5506) are read alike.
pub fn packets(compound: &[u8]) -> impl Iterator<Item = Result<Rtcp<'_>, Malformed>> {
    let mut rest = compound;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let read = next(&mut rest);
        if read.is_err() {
            rest = &[];
        }
        Some(read)
    })
}

fn next<'a>(rest: &mut &'a [u8]) -> Result<Rtcp<'a>, Malformed> {
    let &[first, packet_type, a, b, ..] = *rest else {
        return Err(malformed("cut short"));
    };
    if first >> 6 != 2 {
        return Err(malformed("not version 2"));
    }
    let len = HEADER + 4 * usize::from(u16::from_be_bytes([a, b]));
    let Some((packet, after)) = rest.split_at_checked(len) else {
        return Err(malformed("longer than the datagram"));
    };
    *rest = after;
    let mut body = packet.get(HEADER..).unwrap_or_default();
    if first & 0x20 != 0 {
        let padding = usize::from(body.last().copied().unwrap_or(0));
        let end = body.len().checked_sub(padding);
        body = match end.and_then(|end| body.get(..end)) {
            Some(rest) if padding > 0 => rest,
            _ => {
                return Err(malformed(
                    "padding of no or of more than the packet's length",
                ));
            }
        };
    }
    read(packet_type, first & 0x1f, body)
}

fn read(packet_type: u8, format: u8, body: &[u8]) -> Result<Rtcp<'_>, Malformed> {
    Ok(match (packet_type, format) {
        (SENDER_REPORT, count) => Rtcp::SenderReport(SenderReport::read(count, body)?),
        (RECEIVER_REPORT, count) => Rtcp::ReceiverReport(ReceiverReport::read(count, body)?),
        (SDES, count) => Rtcp::Sdes(Sdes::read(count, body)),
        (BYE, count) => Rtcp::Bye(Bye::read(count, body)?),
        (TRANSPORT_FEEDBACK, NACK) => Rtcp::Nack(Nack::read(body)?),
        (TRANSPORT_FEEDBACK, TWCC) => Rtcp::Twcc(twcc::Feedback::read(body)?),
        (PAYLOAD_FEEDBACK, PLI) => Rtcp::Pli(Pli::read(body)?),
        (PAYLOAD_FEEDBACK, FIR) => Rtcp::Fir(Fir::read(body)?),
        (PAYLOAD_FEEDBACK, APPLICATION) if Remb::is(body) => Rtcp::Remb(Remb::read(body)?),
        _ => Rtcp::Other {
            packet_type,
            format,
        },
    })
}

/// Sender and media source, which begin every feedback (RFC 4585 section 6.1), and what follows.
pub(crate) fn split_feedback(body: &[u8]) -> Result<(u32, u32, &[u8]), Malformed> {
    match body.get(8..) {
        Some(rest) => Ok((u32_at(body, 0), u32_at(body, 4), rest)),
        None => Err(malformed("feedback without its sources")),
    }
}

/// Appends a header with a length yet unknown; [`end_packet`] sets it.
pub(crate) fn begin_packet(out: &mut Vec<u8>, packet_type: u8, format: u8) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0x80 | format & 0x1f, packet_type, 0, 0]);
    start
}

/// Pads with zeros to 32 bits and sets the length.
pub(crate) fn end_packet(out: &mut Vec<u8>, start: usize) {
    let words = (out.len() - start).div_ceil(4);
    out.resize(start + 4 * words, 0);
    let length = u16::try_from(words - 1).unwrap_or(u16::MAX);
    if let Some(octets) = out.get_mut(start + 2..start + HEADER) {
        octets.copy_from_slice(&length.to_be_bytes());
    }
}

pub(crate) fn begin_twcc(out: &mut Vec<u8>) -> usize {
    begin_packet(out, TRANSPORT_FEEDBACK, TWCC)
}

pub(crate) fn malformed(reason: &'static str) -> Malformed {
    Malformed::new("RTCP", reason)
}

#[cfg(test)]
mod tests;
