//! What a viewer says by RTCP, and what it needs to understand.

/// Packet types (RFC 3550 section 12.1, RFC 4585 section 6.1).
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;

/// Formats of transport feedback (RFC 4585 section 6.2.1; draft-holmer-rmcat-transport-wide-cc).
const NACK: u8 = 1;
const TRANSPORT_CC: u8 = 15;

/// SSRC of an end that only receives; Chromium's too.
pub(crate) const RECEIVER: u32 = 1;

/// One source in a receiver report (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ReportBlock {
    pub(crate) ssrc: u32,
    /// Of 256, since the last report.
    pub(crate) fraction_lost: u8,
    /// Since the beginning.
    pub(crate) lost: u32,
    /// Extended highest sequence number.
    pub(crate) highest: u32,
    /// In units of the RTP clock.
    pub(crate) jitter: u32,
    /// Middle of the last sender report's NTP time; 0 without one.
    pub(crate) last_report: u32,
    /// Since that report, in units of 1/65536 s.
    pub(crate) delay: u32,
}

fn begin(out: &mut Vec<u8>, count: u8, kind: u8) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0x80 | count, kind, 0, 0]);
    out.extend_from_slice(&RECEIVER.to_be_bytes());
    start
}

/// Writes the length, in words less one.
fn end(out: &mut [u8], start: usize) {
    let words = (out.len() - start) / 4 - 1;
    out[start + 2..start + 4].copy_from_slice(&(words as u16).to_be_bytes());
}

/// A receiver report and the canonical name that a compound packet needs (RFC 3550 section 6.1).
pub(crate) fn receiver_report(out: &mut Vec<u8>, blocks: &[ReportBlock]) {
    const CNAME: [u8; 8] = [1, 5, b'b', b'e', b'n', b'c', b'h', 0];
    let start = begin(out, blocks.len() as u8, RECEIVER_REPORT);
    for block in blocks {
        out.extend_from_slice(&block.ssrc.to_be_bytes());
        let lost = block.lost.min(0x7f_ffff) | u32::from(block.fraction_lost) << 24;
        out.extend_from_slice(&lost.to_be_bytes());
        out.extend_from_slice(&block.highest.to_be_bytes());
        out.extend_from_slice(&block.jitter.to_be_bytes());
        out.extend_from_slice(&block.last_report.to_be_bytes());
        out.extend_from_slice(&block.delay.to_be_bytes());
    }
    end(out, start);
    let start = begin(out, 1, SOURCE_DESCRIPTION);
    out.extend_from_slice(&CNAME);
    end(out, start);
}

/// Asks for packets again; `missing` in order.
pub(crate) fn nack(out: &mut Vec<u8>, ssrc: u32, missing: &[u16]) {
    let start = begin(out, NACK, TRANSPORT_FEEDBACK);
    out.extend_from_slice(&ssrc.to_be_bytes());
    let mut missing = missing.iter().copied().peekable();
    while let Some(first) = missing.next() {
        let mut mask = 0_u16;
        while let Some(bit) = missing.next_if(|next| (1..=16).contains(&next.wrapping_sub(first))) {
            mask |= 1 << (bit.wrapping_sub(first) - 1);
        }
        out.extend_from_slice(&first.to_be_bytes());
        out.extend_from_slice(&mask.to_be_bytes());
    }
    end(out, start);
}

/// Arrivals of packets by transport-wide sequence number, since the last feedback.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    packets: Vec<(u64, u64)>,
    highest: Option<u64>,
    /// First number of the next feedback.
    base: Option<u64>,
    count: u8,
}

/// Unit of the reference time: 64 ms, in nanoseconds.
const REFERENCE: u64 = 64_000_000;

/// Unit of a delta: 250 µs, in nanoseconds.
const DELTA: u64 = 250_000;

/// Most numbers in one feedback, so that it fits a datagram.
const MAX_STATUS: u64 = 500;

/// Arrivals that wait; beyond, the feedback is due too late to matter and the newest are left out.
const MAX_ARRIVALS: usize = 4_096;

impl Arrivals {
    /// `at` in nanoseconds of any clock that does not jump.
    pub(crate) fn arrived(&mut self, number: u16, at: u64) {
        let number = match self.highest {
            // Sequence numbers begin above zero so that they can go back.
            None => u64::from(number) + (1 << 16),
            Some(highest) => {
                let step = i64::from(number.wrapping_sub(highest as u16) as i16);
                highest.saturating_add_signed(step)
            }
        };
        self.highest = Some(self.highest.map_or(number, |highest| highest.max(number)));
        if self.packets.len() < MAX_ARRIVALS {
            self.packets.push((number, at));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Appends one feedback packet about the oldest arrivals; false when there was none.
    pub(crate) fn feedback(&mut self, out: &mut Vec<u8>, ssrc: u32) -> bool {
        self.packets.sort_unstable();
        self.packets.dedup_by_key(|(number, _)| *number);
        let Some(&(first, at)) = self.packets.first() else {
            return false;
        };
        let base = self.base.map_or(first, |base| {
            // A hole so long that it does not fit is not told.
            if first.saturating_sub(base) < MAX_STATUS {
                base.min(first)
            } else {
                first
            }
        });
        let reference = at / REFERENCE;
        let mut time = reference * REFERENCE / DELTA;
        let mut symbols: Vec<u8> = Vec::new();
        let mut deltas: Vec<u8> = Vec::new();
        let mut taken = 0;
        for &(number, at) in &self.packets {
            let delta = (at / DELTA) as i64 - time as i64;
            let Ok(delta) = i16::try_from(delta) else {
                break;
            };
            if number - base >= MAX_STATUS {
                break;
            }
            symbols.resize((number - base) as usize, 0);
            if let Ok(small) = u8::try_from(delta) {
                symbols.push(1);
                deltas.push(small);
            } else {
                symbols.push(2);
                deltas.extend_from_slice(&delta.to_be_bytes());
            }
            time = at / DELTA;
            taken += 1;
        }
        if taken == 0 {
            // The first one always fits: its delta is below 64 ms. This keeps the loop finite anyway.
            self.packets.clear();
            return false;
        }
        self.packets.drain(..taken);
        self.base = Some(base + symbols.len() as u64);
        let start = begin(out, TRANSPORT_CC, TRANSPORT_FEEDBACK);
        out.extend_from_slice(&ssrc.to_be_bytes());
        out.extend_from_slice(&(base as u16).to_be_bytes());
        out.extend_from_slice(&(symbols.len() as u16).to_be_bytes());
        let reference = ((reference as u32) << 8) | u32::from(self.count);
        out.extend_from_slice(&reference.to_be_bytes());
        self.count = self.count.wrapping_add(1);
        chunks(out, &symbols);
        out.extend_from_slice(&deltas);
        while !(out.len() - start).is_multiple_of(4) {
            out.push(0);
        }
        end(out, start);
        true
    }
}

/// Run lengths where symbols repeat, else vectors of seven two-bit symbols.
fn chunks(out: &mut Vec<u8>, mut symbols: &[u8]) {
    const VECTOR_OF_TWO_BITS: u16 = 0b11 << 14;
    while let Some(&first) = symbols.first() {
        let run = symbols
            .iter()
            .take_while(|symbol| **symbol == first)
            .count();
        if run >= 7 || run == symbols.len() {
            let run = run.min(0x1fff);
            out.extend_from_slice(&(u16::from(first) << 13 | run as u16).to_be_bytes());
            symbols = &symbols[run..];
            continue;
        }
        let (seven, rest) = symbols.split_at(symbols.len().min(7));
        let mut chunk = VECTOR_OF_TWO_BITS;
        for (place, symbol) in seven.iter().enumerate() {
            chunk |= u16::from(*symbol) << (12 - 2 * place);
        }
        out.extend_from_slice(&chunk.to_be_bytes());
        symbols = rest;
    }
}

/// What a viewer wants to know of the server's RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// A sender report: of whom, and the middle of its NTP time.
    SenderReport { ssrc: u32, ntp_middle: u32 },
    /// The source ended.
    Goodbye,
}

/// Goes through a compound packet; what makes no sense ends it.
pub(crate) fn read(mut packet: &[u8], mut each: impl FnMut(Told)) {
    while let [first, kind, high, low, ..] = *packet {
        let len = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        if first >> 6 != 2 || len > packet.len() {
            return;
        }
        let (this, rest) = packet.split_at(len);
        let word = |at: usize| {
            let bytes = this.get(at..at + 4)?;
            Some(u32::from_be_bytes(bytes.try_into().ok()?))
        };
        match kind {
            SENDER_REPORT => {
                if let (Some(ssrc), Some(seconds), Some(fraction)) = (word(4), word(8), word(12)) {
                    let ntp_middle = seconds << 16 | fraction >> 16;
                    each(Told::SenderReport { ssrc, ntp_middle });
                }
            }
            GOODBYE => each(Told::Goodbye),
            _ => {}
        }
        packet = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nacks_are_numbers_and_masks() {
        let mut out = Vec::new();
        nack(&mut out, 7, &[65_535, 0, 15, 16, 40]);
        assert_eq!(
            out,
            [
                0x81, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 7, // header
                0xff, 0xff, 0x80, 0x01, // 65535, 0 and 15
                0, 16, 0, 0, 0, 40, 0, 0
            ]
        );
    }

    #[test]
    fn feedback_says_what_arrived_when() {
        let mut arrivals = Arrivals::default();
        let ms = 1_000_000;
        arrivals.arrived(65_534, 128 * ms);
        arrivals.arrived(1, 129 * ms);
        arrivals.arrived(0, 229 * ms);
        let mut out = Vec::new();
        assert!(arrivals.feedback(&mut out, 9));
        assert_eq!(
            out,
            [
                0x8f,
                205,
                0,
                6,
                0,
                0,
                0,
                1,
                0,
                0,
                0,
                9, // header
                0xff,
                0xfe,
                0,
                4,
                0,
                0,
                2,
                0, // base, count, reference time, feedback 0
                0b1101_0010,
                0b1000_0000, // received, lost, large, large
                0,           // 0 ms
                0x01,
                0x94, // 101 ms
                0xfe,
                0x70, // 100 ms back
                0,
            ]
        );
        assert!(!arrivals.feedback(&mut out, 9));
        // What is lost between two feedbacks is told by the second.
        arrivals.arrived(5, 300 * ms);
        out.clear();
        assert!(arrivals.feedback(&mut out, 9));
        assert_eq!(out[12..20], [0, 2, 0, 4, 0, 0, 4, 1]);
        assert_eq!(out[20..22], [0b1100_0000, 0b0100_0000]);
    }

    #[test]
    fn reports_are_read_and_rubbish_is_not() {
        let mut report = vec![0x80, SENDER_REPORT, 0, 6];
        report.extend_from_slice(&7_u32.to_be_bytes());
        report.extend_from_slice(&[0xaa, 0xbb, 0xcc, 0xdd, 0x11, 0x22, 0x33, 0x44]);
        report.extend_from_slice(&[0; 12]);
        report.extend_from_slice(&[0x81, GOODBYE, 0, 1, 0, 0, 0, 7, 0x80, 200, 0, 9]);
        let mut told = Vec::new();
        read(&report, |one| told.push(one));
        let expected = Told::SenderReport {
            ssrc: 7,
            ntp_middle: 0xccdd_1122,
        };
        assert_eq!(told, [expected, Told::Goodbye]);
    }
}
