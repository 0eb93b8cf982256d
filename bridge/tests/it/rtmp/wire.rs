//! RTMP by hand, for what no client sends.

use bytes::{BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub const COMMAND: u8 = 20;
pub const AUDIO: u8 = 8;
pub const VIDEO: u8 = 9;

pub const AVC: &[u8] = &[
    1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 2, 0x67, 0x42, 1, 0, 1, 0x68,
];
pub const AAC: &[u8] = &[0x11, 0x90];

/// Type 0 chunk header.
pub fn header(chunk_stream: u8, timestamp: u32, length: usize, kind: u8) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    bytes.put_u8(chunk_stream);
    bytes.put_uint(timestamp.into(), 3);
    bytes.put_uint(length as u64, 3);
    bytes.put_u8(kind);
    bytes.put_u32_le(u32::from(kind != COMMAND));
    bytes.to_vec()
}

/// A message in chunks of 128 bytes.
pub fn message(chunk_stream: u8, timestamp: u32, kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = header(chunk_stream, timestamp, payload.len(), kind);
    for (index, piece) in payload.chunks(128).enumerate() {
        if index > 0 {
            bytes.push(0xc0 | chunk_stream);
        }
        bytes.extend(piece);
    }
    bytes
}

pub fn string(text: &str) -> Vec<u8> {
    let mut bytes = vec![2];
    bytes.extend((text.len() as u16).to_be_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

pub fn number(value: f64) -> Vec<u8> {
    [&[0][..], &value.to_be_bytes()].concat()
}

pub fn connect() -> Vec<u8> {
    connect_with(&[])
}

/// With these properties beside the application's.
pub fn connect_with(properties: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut app = [&[3, 0, 3][..], b"app", &string("live")].concat();
    for (name, value) in properties {
        app.extend((name.len() as u16).to_be_bytes());
        app.extend(name.as_bytes());
        app.extend(value);
    }
    app.extend([0, 0, 9]);
    message(
        3,
        0,
        COMMAND,
        &[string("connect"), number(1.0), app].concat(),
    )
}

pub fn create_stream() -> Vec<u8> {
    message(
        3,
        0,
        COMMAND,
        &[string("createStream"), number(2.0), vec![5]].concat(),
    )
}

pub fn publish(key: &str) -> Vec<u8> {
    message(
        3,
        0,
        COMMAND,
        &[
            string("publish"),
            number(3.0),
            vec![5],
            string(key),
            string("live"),
        ]
        .concat(),
    )
}

/// C0, C1 and C2 of a client that does not look at what the server says.
pub fn handshake() -> Vec<u8> {
    let mut bytes = vec![3];
    bytes.extend(std::iter::repeat_n(0, 2 * 1536));
    bytes
}

pub fn up_to_publish(key: &str) -> Vec<u8> {
    [handshake(), connect(), create_stream(), publish(key)].concat()
}

/// Writes `bytes` while reading and returns all that the server sent until it closed.
pub async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(stream: S, bytes: &[u8]) -> Vec<u8> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut answer = Vec::new();
    let write = async {
        // The server may close before it has taken all.
        let _ = writer.write_all(bytes).await;
        let _ = writer.flush().await;
    };
    let read = async {
        let _ = reader.read_to_end(&mut answer).await;
    };
    tokio::join!(write, read);
    answer
}

/// Whether `text` stands in `bytes`.
pub fn says(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
