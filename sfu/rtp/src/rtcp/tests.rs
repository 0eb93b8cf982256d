use super::*;

const BLOCK: ReportBlock = ReportBlock {
    ssrc: 7,
    fraction_lost: 64,
    cumulative_lost: -5,
    highest_seq: 0x0001_fffe,
    jitter: 300,
    lsr: 0xaabb_ccdd,
    dlsr: 0x1_0000,
};

const INFO: SenderInfo = SenderInfo {
    ssrc: 1,
    ntp: 0x0123_4567_89ab_cdef,
    rtp: 90_000,
    packets: 10,
    octets: 11_500,
};

fn all(compound: &[u8]) -> Vec<Rtcp<'_>> {
    packets(compound).map(Result::unwrap).collect()
}

#[test]
fn a_compound_of_everything_reads_back() {
    let mut out = Vec::new();
    write_sender_report(&mut out, &INFO, &[BLOCK]);
    write_receiver_report(&mut out, 2, &[BLOCK, BLOCK]);
    write_sdes(&mut out, "weir", &[1, 2, 3]);
    write_nack(&mut out, 4, 5, [65_530, 65_535, 10, 10, 11, 400]);
    write_pli(&mut out, 6, 7);
    write_bye(&mut out, &[8, 9]);
    let read = all(&out);
    let [
        Rtcp::SenderReport(sender),
        Rtcp::ReceiverReport(receiver),
        Rtcp::Sdes(sdes),
        Rtcp::Nack(nack),
        Rtcp::Pli(pli),
        Rtcp::Bye(bye),
    ] = &read[..]
    else {
        panic!("{read:?}");
    };
    assert_eq!(
        (
            sender.ssrc,
            sender.ntp,
            sender.rtp,
            sender.packets,
            sender.octets
        ),
        (INFO.ssrc, INFO.ntp, INFO.rtp, INFO.packets, INFO.octets)
    );
    assert_eq!(sender.blocks.collect::<Vec<_>>(), [BLOCK]);
    assert_eq!(receiver.ssrc, 2);
    assert_eq!(receiver.blocks.collect::<Vec<_>>(), [BLOCK, BLOCK]);
    assert_eq!(
        sdes.collect::<Vec<_>>(),
        [(1, "weir"), (2, "weir"), (3, "weir")]
    );
    assert_eq!((nack.sender, nack.media), (4, 5));
    assert_eq!(
        nack.lost().collect::<Vec<_>>(),
        [65_530, 65_535, 10, 11, 400]
    );
    assert_eq!((pli.sender, pli.media), (6, 7));
    assert_eq!(bye.ssrcs.collect::<Vec<_>>(), [8, 9]);
}

#[test]
fn octets_are_those_of_the_specifications() {
    let mut out = Vec::new();
    write_nack(&mut out, 0x01020304, 0x05060708, [100, 101, 116]);
    assert_eq!(
        out,
        [0x81, 205, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 0, 100, 0x80, 0x01]
    );
    out.clear();
    write_sdes(&mut out, "ab", &[1]);
    assert_eq!(
        out,
        [0x81, 202, 0, 3, 0, 0, 0, 1, 1, 2, b'a', b'b', 0, 0, 0, 0]
    );
    out.clear();
    write_nack(&mut out, 1, 2, []);
    assert!(out.is_empty());
}

#[test]
fn what_is_too_much_for_a_packet_goes_into_the_next() {
    let mut out = Vec::new();
    write_sender_report(&mut out, &INFO, &[BLOCK; 40]);
    write_sdes(&mut out, &"é".repeat(200), &[3; 32]);
    let read = all(&out);
    let [
        Rtcp::SenderReport(first),
        Rtcp::ReceiverReport(second),
        Rtcp::Sdes(a),
        Rtcp::Sdes(b),
    ] = &read[..]
    else {
        panic!("{read:?}");
    };
    assert_eq!((first.blocks.len(), second.blocks.len()), (31, 9));
    assert_eq!((a.count(), b.count()), (31, 1));
    let mut out = Vec::new();
    for lost in [i32::MIN, i32::MAX] {
        let block = ReportBlock {
            cumulative_lost: lost,
            ..BLOCK
        };
        write_receiver_report(&mut out, 1, &[block]);
    }
    let lost: Vec<_> = all(&out)
        .iter()
        .map(|packet| match packet {
            Rtcp::ReceiverReport(report) => report.blocks.clone().next().unwrap().cumulative_lost,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(lost, [-0x80_0000, 0x7f_ffff]);
}

#[test]
fn remb_fir_padding_and_unknown_packets() {
    let compound = [
        0x8f, 206, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 2, 0x0b, 0xff, 0xff, 0, 0,
        0, 8, 0, 0, 0, 9, 0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 7, 0, 0, 0, 0x80,
        204, 0, 1, 1, 2, 3, 4, 0xa1, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4,
    ];
    let read = all(&compound);
    let [
        Rtcp::Remb(remb),
        Rtcp::Fir(fir),
        Rtcp::Other {
            packet_type: 204,
            format: 0,
        },
        Rtcp::Pli(Pli {
            sender: 1,
            media: 2,
        }),
    ] = &read[..]
    else {
        panic!("{read:?}");
    };
    assert_eq!((remb.sender, remb.bitrate), (1, 0x3_ffff << 2));
    assert_eq!(remb.ssrcs.collect::<Vec<_>>(), [8, 9]);
    assert_eq!(
        fir.entries().collect::<Vec<_>>(),
        [FirEntry { ssrc: 5, seq: 7 }]
    );
    // An exponent beyond 64 bits.
    let mut huge = compound;
    huge[17] = 0xff;
    let Rtcp::Remb(remb) = &all(&huge)[0] else {
        panic!();
    };
    assert_eq!(remb.bitrate, u64::MAX);
}

#[test]
fn what_is_cut_short_ends_in_one_error() {
    let mut out = Vec::new();
    write_sender_report(&mut out, &INFO, &[BLOCK]);
    let whole = out.len();
    write_pli(&mut out, 1, 2);
    for cut in 1..out.len() {
        let read: Vec<_> = packets(&out[..cut]).collect();
        if cut == whole {
            assert!(read.len() == 1 && read[0].is_ok());
        } else {
            assert!(read.last().unwrap().is_err(), "{cut}");
            assert_eq!(read.len(), if cut < whole { 1 } else { 2 });
        }
    }
    for (at, value) in [(0, 0x9f), (0, 0x00), (0, 0xa1)] {
        let mut wrong = out[..whole].to_vec();
        wrong[at] = value;
        wrong[whole - 1] = 255;
        assert!(packets(&wrong).next().unwrap().is_err());
    }
}
