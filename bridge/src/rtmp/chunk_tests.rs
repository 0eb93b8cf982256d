#![allow(clippy::unwrap_used)]

use super::*;

const LIMIT: usize = 1024 * 1024;

fn read_all(reader: &mut ChunkReader, bytes: &[u8]) -> Result<Vec<Message>, ReadError> {
    let mut input = BytesMut::from(bytes);
    let mut messages = Vec::new();
    while let Some(message) = reader.next(&mut input)? {
        messages.push(message);
    }
    Ok(messages)
}

fn message(kind: MessageKind, timestamp: u32, payload: Vec<u8>) -> Message {
    Message {
        kind,
        timestamp,
        stream: 1,
        payload: Bytes::from(payload),
    }
}

/// A chunk header of any format, by hand.
fn header(format: u8, id: u8, timestamp: u32, length: u32, kind: u8) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    bytes.put_u8(format << 6 | id);
    if format < 3 {
        bytes.put_uint(u64::from(timestamp.min(EXTENDED)), 3);
    }
    if format < 2 {
        bytes.put_uint(length.into(), 3);
        bytes.put_u8(kind);
    }
    if format == 0 {
        bytes.put_u32_le(1);
    }
    if format < 3 && timestamp >= EXTENDED {
        bytes.put_u32(timestamp);
    }
    bytes.to_vec()
}

#[test]
fn what_the_writer_writes_the_reader_reads_whatever_the_pieces() {
    let messages = [
        message(
            MessageKind::Video,
            0,
            (0..=255).cycle().take(100_000).collect(),
        ),
        message(MessageKind::Audio, 0x00ff_ffff, vec![1; 5_000]),
        message(MessageKind::CommandAmf0, u32::MAX, vec![2; 128]),
        message(MessageKind::Audio, 7, Vec::new()),
        message(MessageKind::Audio, 8, vec![3]),
    ];
    let mut writer = ChunkWriter::default();
    let mut bytes = BytesMut::new();
    writer.write(4, &messages[0], &mut bytes);
    writer.set_chunk_size(4096, &mut bytes);
    for (id, message) in messages.iter().enumerate().skip(1) {
        writer.write(4 + id as u8, message, &mut bytes);
    }
    for piece in [1, 7, 128, 4096, bytes.len()] {
        let mut reader = ChunkReader::new(LIMIT);
        let mut input = BytesMut::new();
        let mut read = Vec::new();
        for part in bytes.chunks(piece) {
            input.extend_from_slice(part);
            while let Some(message) = reader.next(&mut input).unwrap() {
                read.push(message);
            }
        }
        assert_eq!(read, messages, "in pieces of {piece}");
        assert_eq!(reader.held, 0);
    }
}

#[test]
fn chunks_of_audio_and_video_may_be_interleaved() {
    let mut bytes = header(0, 6, 40, 300, 9);
    bytes.extend(vec![1; 128]);
    bytes.extend(header(0, 4, 42, 200, 8));
    bytes.extend(vec![2; 128]);
    bytes.extend(header(3, 6, 0, 0, 0));
    bytes.extend(vec![1; 128]);
    bytes.extend(header(3, 4, 0, 0, 0));
    bytes.extend(vec![2; 72]);
    bytes.extend(header(3, 6, 0, 0, 0));
    bytes.extend(vec![1; 44]);
    let messages = read_all(&mut ChunkReader::new(LIMIT), &bytes).unwrap();
    assert_eq!(
        messages,
        [
            message(MessageKind::Audio, 42, vec![2; 200]),
            message(MessageKind::Video, 40, vec![1; 300])
        ]
    );
}

#[test]
fn a_message_that_begins_with_type_3_is_one_delta_later() {
    let mut bytes = header(0, 4, 1_000, 1, 8);
    bytes.push(0);
    bytes.extend(header(1, 4, 23, 1, 8));
    bytes.push(1);
    bytes.extend(header(3, 4, 0, 0, 0));
    bytes.push(2);
    bytes.extend(header(2, 4, 24, 0, 0));
    bytes.push(3);
    bytes.extend(header(3, 4, 0, 0, 0));
    bytes.push(4);
    let messages = read_all(&mut ChunkReader::new(LIMIT), &bytes).unwrap();
    let times: Vec<u32> = messages.iter().map(|message| message.timestamp).collect();
    assert_eq!(times, [1_000, 1_023, 1_046, 1_070, 1_094]);
}

#[test]
fn time_wraps_at_32_bits() {
    let mut bytes = header(0, 4, u32::MAX - 10, 1, 8);
    bytes.push(0);
    bytes.extend(header(2, 4, 23, 0, 0));
    bytes.push(0);
    let messages = read_all(&mut ChunkReader::new(LIMIT), &bytes).unwrap();
    assert_eq!(messages[1].timestamp, 12);
}

#[test]
fn continuation_chunks_may_repeat_the_extended_timestamp_or_not() {
    let time = 0x0123_4567_u32;
    for repeated in [true, false] {
        let mut bytes = header(0, 6, time, 200, 9);
        bytes.extend(vec![1; 128]);
        bytes.extend(header(3, 6, 0, 0, 0));
        if repeated {
            bytes.extend(time.to_be_bytes());
        }
        bytes.extend(vec![1; 72]);
        let messages = read_all(&mut ChunkReader::new(LIMIT), &bytes).unwrap();
        assert_eq!(
            messages,
            [message(MessageKind::Video, time, vec![1; 200])],
            "repeated: {repeated}"
        );
    }
}

#[test]
fn large_chunk_stream_ids() {
    // 64 + 5, and 64 + 1 + 256 × 2.
    for id in [vec![0x00, 5], vec![0x01, 1, 2]] {
        let mut bytes = id;
        bytes.extend(&header(0, 0, 9, 1, 8)[1..]);
        bytes.push(7);
        let messages = read_all(&mut ChunkReader::new(LIMIT), &bytes).unwrap();
        assert_eq!(messages, [message(MessageKind::Audio, 9, vec![7])]);
    }
}

#[test]
fn an_aborted_message_is_forgotten() {
    let mut bytes = header(0, 6, 40, 300, 9);
    bytes.extend(vec![1; 128]);
    bytes.extend(header(0, 2, 0, 4, 2));
    bytes.extend(6_u32.to_be_bytes());
    bytes.extend(header(0, 6, 50, 1, 9));
    bytes.push(9);
    let mut reader = ChunkReader::new(LIMIT);
    assert_eq!(
        read_all(&mut reader, &bytes).unwrap(),
        [message(MessageKind::Video, 50, vec![9])]
    );
    assert_eq!(reader.held, 0);
}

#[test]
fn a_claimed_16_mb_message_is_refused_before_publish_and_not_allocated_after() {
    let bytes = header(0, 6, 0, 0xff_ffff, 9);
    assert_eq!(
        read_all(&mut ChunkReader::new(65_536), &bytes),
        Err(ReadError::TooLarge {
            length: 0xff_ffff,
            limit: 65_536
        })
    );
    let mut reader = ChunkReader::new(16 * 1024 * 1024);
    assert_eq!(
        read_all(&mut reader, &[bytes, vec![0; 100]].concat()),
        Ok(vec![])
    );
    assert_eq!(reader.held, 100);
    assert!(reader.streams[&6].body.capacity() < 4096);
}

#[test]
fn what_all_chunk_streams_hold_together_is_limited() {
    let mut bytes = Vec::new();
    for id in 3..20 {
        bytes.extend(header(0, id, 0, 60_000, 9));
        bytes.extend(vec![0; 128]);
    }
    // Each is within the limit, and what is held already counts.
    assert!(read_all(&mut ChunkReader::new(65_536), &bytes).is_ok());
    let mut bytes = vec![];
    bytes.extend(header(0, 2, 0, 4, 1));
    bytes.extend(50_000_u32.to_be_bytes());
    for id in 3..20 {
        bytes.extend(header(0, id, 0, 60_000, 9));
        bytes.extend(vec![0; 50_000]);
    }
    assert!(matches!(
        read_all(&mut ChunkReader::new(65_536), &bytes),
        Err(ReadError::TooLarge { .. })
    ));
}

#[test]
fn broken_chunks_are_errors() {
    let mut reader = ChunkReader::new(LIMIT);
    assert_eq!(
        read_all(&mut reader, &header(3, 9, 0, 0, 0)),
        Err(ReadError::NoPreviousHeader(9))
    );

    let mut bytes = header(0, 6, 0, 300, 9);
    bytes.extend(vec![0; 128]);
    bytes.extend(header(0, 6, 0, 300, 9));
    assert_eq!(
        read_all(&mut ChunkReader::new(LIMIT), &bytes),
        Err(ReadError::Unfinished(6))
    );

    for size in [0_u32, 0x8000_0000] {
        let mut bytes = header(0, 2, 0, 4, 1);
        bytes.extend(size.to_be_bytes());
        assert_eq!(
            read_all(&mut ChunkReader::new(LIMIT), &bytes),
            Err(ReadError::Control(1))
        );
    }

    let mut bytes = Vec::new();
    for id in 0..=MAX_CHUNK_STREAMS as u8 {
        bytes.extend([0x00, id]);
        bytes.extend(&header(0, 0, 0, 0, 8)[1..]);
    }
    assert_eq!(
        read_all(&mut ChunkReader::new(LIMIT), &bytes),
        Err(ReadError::TooManyChunkStreams(MAX_CHUNK_STREAMS))
    );
}
