//! RTP, RTCP, transport-wide feedback, redundant audio: what is read and written again reads the
//! same.

use std::collections::BTreeSet;

use weir_rtp::{
    flexfec::{self, Encoder},
    packet::{Packet, Protocol, classify, header_len, is_rtcp, write_header},
    red,
    rtcp::{self, Rtcp},
    twcc::{Feedback, FeedbackBuilder, REFERENCE_TICKS, TICK_MICROS},
};

/// One datagram.
pub fn run(datagram: &[u8]) {
    let protocol = classify(datagram);
    assert_eq!(protocol == Protocol::Rtcp, is_rtcp(datagram));
    rtp(datagram);
    compound(datagram);
    redundant(datagram);
}

fn rtp(datagram: &[u8]) {
    let Ok(packet) = Packet::parse(datagram) else {
        return;
    };
    assert_eq!(header_len(datagram), Ok(packet.header_len));
    assert!(packet.header_len + packet.payload.len() <= datagram.len());
    let extensions: Vec<_> = packet.extensions().collect();
    for (id, _) in &extensions {
        assert!(packet.extension(*id).is_some());
    }
    let mut out = Vec::new();
    let len = write_header(&mut out, &packet.fields(), &extensions);
    assert_eq!(out.len(), len);
    let again = Packet::parse(&out).expect("a written header can be read");
    assert_eq!(again.fields(), packet.fields());
    assert_eq!(again.header_len, len);
    assert_eq!(again.extensions().collect::<Vec<_>>(), extensions);

    let (header, payload) = datagram.split_at(packet.header_len);
    let mut encoder = Encoder::new(packet.ssrc, 1, &[1, 2]);
    if encoder.add(header, payload).is_ok() {
        let mut repair = Vec::new();
        assert!(encoder.write(0, &mut repair));
        assert!(repair.len() <= datagram.len() - 12 + flexfec::MAX_HEADER);
        assert!(repair.ends_with(payload));
    }
}

fn compound(datagram: &[u8]) {
    let packets: Vec<_> = rtcp::packets(datagram).collect();
    assert!(packets.len() <= datagram.len() / 4 + 1);
    for packet in packets.into_iter().flatten() {
        match packet {
            Rtcp::SenderReport(report) => blocks(report.ssrc, report.blocks),
            Rtcp::ReceiverReport(report) => blocks(report.ssrc, report.blocks),
            Rtcp::Sdes(sdes) => assert!(sdes.count() <= 31),
            Rtcp::Bye(bye) => assert!(bye.ssrcs.count() <= 31),
            Rtcp::Nack(nack) => {
                let lost: Vec<_> = nack.lost().collect();
                let mut out = Vec::new();
                rtcp::write_nack(&mut out, nack.sender, nack.media, lost.iter().copied());
                let again: BTreeSet<_> = rtcp::packets(&out)
                    .flat_map(|packet| match packet {
                        Ok(Rtcp::Nack(nack)) => nack.lost(),
                        other => panic!("{other:?}"),
                    })
                    .collect();
                assert_eq!(again, lost.into_iter().collect());
            }
            Rtcp::Pli(_) | Rtcp::Other { .. } => {}
            Rtcp::Fir(fir) => assert!(fir.entries().count() <= datagram.len() / 8),
            Rtcp::Remb(remb) => assert!(remb.ssrcs.count() <= 255),
            Rtcp::Twcc(feedback) => arrivals(feedback),
        }
    }
}

fn blocks(ssrc: u32, blocks: rtcp::Blocks<'_>) {
    let blocks: Vec<_> = blocks.collect();
    let mut out = Vec::new();
    rtcp::write_receiver_report(&mut out, ssrc, &blocks);
    match rtcp::packets(&out).next() {
        Some(Ok(Rtcp::ReceiverReport(again))) => {
            assert_eq!(again.ssrc, ssrc);
            assert_eq!(again.blocks.collect::<Vec<_>>(), blocks);
        }
        other => panic!("{other:?}"),
    }
}

fn arrivals(feedback: Feedback<'_>) {
    let found: Vec<_> = feedback.arrivals().collect();
    assert_eq!(found.len(), usize::from(feedback.count));

    // What a builder is told of them it reports, from the first received to the last.
    let received = |(_, time): &(u16, Option<i64>)| time.is_some();
    let Some(first) = found.iter().position(received) else {
        return;
    };
    let found = found
        .get(first..(first + 1_000).min(found.len()))
        .unwrap_or_default();
    let last = found.iter().rposition(received).unwrap_or(0);
    let found = found.get(..=last).unwrap_or_default();
    let mut builder = FeedbackBuilder::new();
    let start = u64::from(feedback.base_seq) + first as u64;
    for (seq, (_, time)) in (start..).zip(found) {
        if let Some(time) = time {
            builder.record(seq, time * TICK_MICROS);
        }
    }
    let mut out = Vec::new();
    builder.write(&mut out, 1, 2);
    let mut again = Vec::new();
    for packet in rtcp::packets(&out) {
        let Ok(Rtcp::Twcc(written)) = packet else {
            panic!("{packet:?}");
        };
        let reference = i64::from(written.reference_time) * REFERENCE_TICKS;
        again.extend(
            written
                .arrivals()
                .map(|(seq, time)| (seq, time.map(|time| reference + time))),
        );
    }
    assert_eq!(again, found);
}

fn redundant(payload: &[u8]) {
    let Ok(blocks) = red::blocks(payload) else {
        return;
    };
    let octets: usize = blocks.map(|block| block.data.len()).sum();
    let headers = 4 * (blocks.count() - 1) + 1;
    assert_eq!(headers + octets, payload.len());
    let primary = red::primary(payload).expect("the last block is the primary one");
    assert!(payload.ends_with(primary.data));
}
