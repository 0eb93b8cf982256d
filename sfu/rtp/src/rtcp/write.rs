//! Writers: each appends whole packets to a buffer. Together, in the order sender or receiver
//! report, SDES, the rest, they make a compound packet (RFC 3550 section 6.1).

use super::{
    BYE, NACK, PAYLOAD_FEEDBACK, PLI, RECEIVER_REPORT, ReportBlock, SDES, SENDER_REPORT,
    SenderInfo, TRANSPORT_FEEDBACK, begin_packet, end_packet, report::CNAME,
};

/// The most that a count of five bits says: blocks, chunks or sources of one packet.
const MAX_COUNT: usize = 31;

/// A CNAME's length stands in one octet.
const MAX_CNAME: usize = 255;

/// Bounds of the cumulative number of lost packets, 24 bits with a sign.
const MIN_LOST: i32 = -0x80_0000;
const MAX_LOST: i32 = 0x7f_ffff;

/// Appends a sender report. Blocks beyond 31 follow in receiver reports (RFC 3550 section 6.1).
pub fn write_sender_report(out: &mut Vec<u8>, info: &SenderInfo, blocks: &[ReportBlock]) {
    let (first, more) = blocks.split_at(blocks.len().min(MAX_COUNT));
    let start = begin_packet(out, SENDER_REPORT, first.len() as u8);
    out.extend_from_slice(&info.ssrc.to_be_bytes());
    out.extend_from_slice(&info.ntp.to_be_bytes());
    out.extend_from_slice(&info.rtp.to_be_bytes());
    out.extend_from_slice(&info.packets.to_be_bytes());
    out.extend_from_slice(&info.octets.to_be_bytes());
    write_blocks(out, first);
    end_packet(out, start);
    if !more.is_empty() {
        write_receiver_report(out, info.ssrc, more);
    }
}

/// Appends a receiver report, more than one if there are more than 31 blocks. Without blocks it is
/// the empty report that must begin a compound packet of one who receives nothing.
pub fn write_receiver_report(out: &mut Vec<u8>, ssrc: u32, blocks: &[ReportBlock]) {
    let mut rest = blocks;
    loop {
        let (some, more) = rest.split_at(rest.len().min(MAX_COUNT));
        let start = begin_packet(out, RECEIVER_REPORT, some.len() as u8);
        out.extend_from_slice(&ssrc.to_be_bytes());
        write_blocks(out, some);
        end_packet(out, start);
        if more.is_empty() {
            return;
        }
        rest = more;
    }
}

fn write_blocks(out: &mut Vec<u8>, blocks: &[ReportBlock]) {
    for block in blocks {
        let lost = block.cumulative_lost.clamp(MIN_LOST, MAX_LOST) as u32 & 0xff_ffff;
        out.extend_from_slice(&block.ssrc.to_be_bytes());
        out.extend_from_slice(&(u32::from(block.fraction_lost) << 24 | lost).to_be_bytes());
        out.extend_from_slice(&block.highest_seq.to_be_bytes());
        out.extend_from_slice(&block.jitter.to_be_bytes());
        out.extend_from_slice(&block.lsr.to_be_bytes());
        out.extend_from_slice(&block.dlsr.to_be_bytes());
    }
}

/// Appends a description that gives all these sources the same CNAME. What is beyond 255 octets of
/// the name is cut off.
pub fn write_sdes(out: &mut Vec<u8>, cname: &str, ssrcs: &[u32]) {
    let cname = &cname[..cname.floor_char_boundary(MAX_CNAME)];
    for some in ssrcs.chunks(MAX_COUNT) {
        let start = begin_packet(out, SDES, some.len() as u8);
        for ssrc in some {
            let chunk = out.len();
            out.extend_from_slice(&ssrc.to_be_bytes());
            out.extend_from_slice(&[CNAME, cname.len() as u8]);
            out.extend_from_slice(cname.as_bytes());
            // At least one zero ends the items, up to the next 32 bits.
            let len = (out.len() - chunk + 1).next_multiple_of(4);
            out.resize(chunk + len, 0);
        }
        end_packet(out, start);
    }
}

/// Appends a goodbye of these sources.
pub fn write_bye(out: &mut Vec<u8>, ssrcs: &[u32]) {
    for some in ssrcs.chunks(MAX_COUNT) {
        let start = begin_packet(out, BYE, some.len() as u8);
        for ssrc in some {
            out.extend_from_slice(&ssrc.to_be_bytes());
        }
        end_packet(out, start);
    }
}

/// Appends a report of lost packets, whose sequence numbers come in the order of sending; nothing if
/// there are none. Each entry of 4 octets takes up to 17 numbers that lie close together.
pub fn write_nack(out: &mut Vec<u8>, sender: u32, media: u32, lost: impl IntoIterator<Item = u16>) {
    let mut lost = lost.into_iter();
    let Some(mut first) = lost.next() else {
        return;
    };
    let start = begin_packet(out, TRANSPORT_FEEDBACK, NACK);
    out.extend_from_slice(&sender.to_be_bytes());
    out.extend_from_slice(&media.to_be_bytes());
    let mut following = 0u16;
    for seq in lost {
        match seq.wrapping_sub(first) {
            0 => {}
            ahead @ 1..=16 => following |= 1 << (ahead - 1),
            _ => {
                write_nack_entry(out, first, following);
                (first, following) = (seq, 0);
            }
        }
    }
    write_nack_entry(out, first, following);
    end_packet(out, start);
}

fn write_nack_entry(out: &mut Vec<u8>, first: u16, following: u16) {
    out.extend_from_slice(&first.to_be_bytes());
    out.extend_from_slice(&following.to_be_bytes());
}

/// Appends a keyframe request.
pub fn write_pli(out: &mut Vec<u8>, sender: u32, media: u32) {
    let start = begin_packet(out, PAYLOAD_FEEDBACK, PLI);
    out.extend_from_slice(&sender.to_be_bytes());
    out.extend_from_slice(&media.to_be_bytes());
    end_packet(out, start);
}
