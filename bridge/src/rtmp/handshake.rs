//! The server's side of the handshake (RTMP 1.0, section 5.2, and the digest form that Flash-age
//! clients check), by `scuffle-rtmp`.

use std::io::{self, Cursor};

use bytes::BytesMut;
use scuffle_rtmp::handshake::{HandshakeServer, RTMP_HANDSHAKE_SIZE};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The version byte of C0. What does not begin with it is not RTMP (or is encrypted RTMPE).
const RTMP_VERSION: u8 = 3;

/// Shakes hands. The caller sets the time limit. What the client sent past C2 stays unread.
///
/// # Errors
/// `InvalidData` when the peer does not speak RTMP, else the stream's own errors.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> io::Result<()> {
    let mut server = HandshakeServer::default();
    let mut c0c1 = BytesMut::zeroed(1 + RTMP_HANDSHAKE_SIZE);
    // Garbage is turned away by its first byte, without waiting for the rest.
    stream.read_exact(&mut c0c1[..1]).await?;
    if c0c1[0] != RTMP_VERSION {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "not RTMP: the first byte is not 3",
        ));
    }
    stream.read_exact(&mut c0c1[1..]).await?;
    let mut reply = Vec::with_capacity(1 + 2 * RTMP_HANDSHAKE_SIZE);
    server
        .handshake(&mut Cursor::new(c0c1.freeze()), &mut reply)
        .map_err(invalid)?;
    stream.write_all(&reply).await?;
    stream.flush().await?;

    let mut c2 = BytesMut::zeroed(RTMP_HANDSHAKE_SIZE);
    stream.read_exact(&mut c2).await?;
    server
        .handshake(&mut Cursor::new(c2.freeze()), &mut Vec::new())
        .map_err(invalid)?;
    Ok(())
}

fn invalid(error: scuffle_rtmp::error::RtmpError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}
