//! Heap allocations of what is done for each packet and viewer.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    hint::black_box,
};

use weir_rtp::{
    flexfec::Encoder,
    packet::{HeaderFields, Packet, classify, write_header},
    rtcp::{self, ReportBlock, Rtcp, SenderInfo},
    srtp::{Opener, Profile, Sealer, split_keying_material},
    twcc::FeedbackBuilder,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // Unavailable while a thread ends; nothing is counted then.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: all is left to the system's allocator; the counter is a plain cell of the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of this thread while `work` runs.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn sealing_and_opening_do_not_allocate() {
    assert_eq!(
        allocations(|| drop(black_box(vec![1]))),
        1,
        "the counter counts"
    );
    let payload = [7; 1_150];
    for profile in [Profile::Aes128Gcm, Profile::Aes256Gcm] {
        let material = vec![5; profile.keying_material_len()];
        let (key, _) = split_keying_material(profile, &material).unwrap();
        let (mut sealer, mut opener) = (Sealer::new(profile, &key), Opener::new(profile, &key));
        let mut out = Vec::with_capacity(2_000);
        let mut send = |index: u64| {
            let fields = HeaderFields {
                marker: true,
                payload_type: 96,
                seq: index as u16,
                timestamp: 0,
                ssrc: (index % 3) as u32,
            };
            out.clear();
            let header_len = write_header(&mut out, &fields, &[(1, b"0"), (3, &[1, 2])]);
            out.extend_from_slice(&payload);
            sealer.seal_rtp(&mut out, 0, header_len, index).unwrap();
            let opened = opener.open_rtp(&mut out).unwrap();
            black_box(classify(&out));
            let packet = Packet::parse(&out[..opened.plain_len]).unwrap();
            assert_eq!(packet.extension(3), Some(&[1, 2][..]));

            out.clear();
            rtcp::write_receiver_report(&mut out, 1, &[]);
            rtcp::write_pli(&mut out, 1, 2);
            sealer.seal_rtcp(&mut out, 0).unwrap();
            assert!(opener.open_rtcp(&mut out).unwrap() > 0);
        };
        // A source's first packet is remembered in a list that grows.
        (0..3).for_each(&mut send);
        assert_eq!(allocations(|| (3..1_000).for_each(&mut send)), 0);
    }
}

#[test]
fn feedback_is_written_and_read_without_allocation() {
    let info = SenderInfo {
        ssrc: 1,
        ntp: 2,
        rtp: 3,
        packets: 4,
        octets: 5,
    };
    let block = ReportBlock {
        ssrc: 1,
        fraction_lost: 2,
        cumulative_lost: 3,
        highest_seq: 4,
        jitter: 5,
        lsr: 6,
        dlsr: 7,
    };
    let mut builder = FeedbackBuilder::new();
    for seq in (0..400).filter(|seq| seq % 7 != 0) {
        builder.record(seq, 700 * seq as i64);
    }
    let mut feedback = Vec::new();
    builder.write(&mut feedback, 1, 2);
    let mut out = Vec::with_capacity(4_000);
    let mut items = 0;
    let counted = allocations(|| {
        rtcp::write_sender_report(&mut out, &info, &[block; 2]);
        rtcp::write_sdes(&mut out, "weir", &[1, 2]);
        rtcp::write_nack(&mut out, 1, 2, (0..100).filter(|seq| seq % 3 == 0));
        rtcp::write_pli(&mut out, 1, 2);
        rtcp::write_bye(&mut out, &[1]);
        out.extend_from_slice(&feedback);
        for packet in rtcp::packets(&out) {
            items += match packet.unwrap() {
                Rtcp::SenderReport(report) => report.blocks.count(),
                Rtcp::Sdes(sdes) => sdes.count(),
                Rtcp::Nack(nack) => nack.lost().count(),
                Rtcp::Twcc(feedback) => feedback.arrivals().count(),
                _ => 1,
            };
        }
    });
    assert_eq!(counted, 0);
    assert_eq!(items, 2 + 2 + 34 + 1 + 1 + 398);
}

#[test]
fn a_second_group_is_encoded_in_the_buffers_of_the_first() {
    let mut encoder = Encoder::new(1, 2, &[3]);
    let mut out = Vec::with_capacity(4_000);
    let mut header = vec![0; 12];
    let mut group = |first: u16| {
        encoder.clear();
        for seq in first..first + 10 {
            header[2..4].copy_from_slice(&seq.to_be_bytes());
            encoder.add(&header, &[7; 1_150]).unwrap();
        }
        out.clear();
        for repair in 0..encoder.repairs() {
            assert!(encoder.write(repair, &mut out));
        }
    };
    group(0);
    assert_eq!(allocations(|| group(10)), 0);
}
