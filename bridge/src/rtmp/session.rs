//! One publisher's connection, from the handshake to its end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};
use weir_media::Kind;

use super::amf0::AmfError;
use super::chunk::{ChunkReader, ChunkWriter};
use super::command::{self, Capabilities, Command};
use super::drain::Drain;
use super::handshake;
use super::reader::{Message, MessageKind, MessageReader, ReadError};
use super::sink::Ingest;
use super::tracks::Tracks;
use crate::output::{Admission, Gate, PublishRequest, Refusal};

/// From the first byte to `publish`, with the handshake. Half-open connections end with it.
pub const SETUP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the gate may take; longer is a refusal.
pub const ADMIT_TIMEOUT: Duration = Duration::from_secs(5);
/// From admission to the first audio or video message. Encoders that start slowly need it.
pub const FIRST_MEDIA_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a byte for so long, a publisher is gone: no ghost streams.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// Without audio or video for so long, though bytes come, a publisher is not one.
pub const MEDIA_TIMEOUT: Duration = Duration::from_secs(15);
/// A client that does not take our few bytes for so long is gone.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// After our last word we read on for so long, so that the kernel does not answer bytes under way
/// with a reset, which would take that word from the client.
pub const LINGER: Duration = Duration::from_secs(1);

/// Bytes of messages held before `publish`: commands are small.
pub const SETUP_MESSAGE_LIMIT: usize = 64 * 1024;
/// Bytes that a client may send between handshake and `publish` in all.
pub const SETUP_BYTES: u64 = 256 * 1024;
/// Bytes of messages held while publishing. One message has at most 16 MiB − 1 (24-bit length).
pub const MEDIA_MESSAGE_LIMIT: usize = 16 * 1024 * 1024;
/// Room for one read: before `publish`, and while publishing.
const SETUP_READ: usize = 4 * 1024;
const MEDIA_READ: usize = 64 * 1024;
/// Bytes read while lingering.
const LINGER_BYTES: u64 = 4 * 1024 * 1024;

/// Window Acknowledgement Size that we ask for, and acknowledge by until the client says its own.
const WINDOW: u32 = 2_500_000;
/// A smaller window is an attempt to make us write much.
const SMALLEST_WINDOW: u32 = 64 * 1024;
/// Chunk size of our replies.
const CHUNK_SIZE: usize = 4096;
/// The one message stream that a connection gets.
const STREAM: u32 = 1;
/// Chunk streams of our replies: protocol control (5.4), and commands.
const CONTROL: u8 = 2;
const COMMANDS: u8 = 3;
/// User Control events (7.1.7).
const STREAM_BEGIN: u16 = 0;
const PING_REQUEST: u16 = 6;
const PING_RESPONSE: u16 = 7;

/// What a session needs of the server.
#[derive(Clone)]
pub struct Context {
    /// Decides who may publish.
    pub gate: Arc<dyn Gate>,
    /// Takes the media.
    pub ingest: Arc<dyn Ingest>,
    /// Sends publishers elsewhere.
    pub drain: Drain,
    /// Ends all sessions.
    pub cancel: CancellationToken,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The client closed the stream by command.
    Unpublished,
    /// The client closed the connection.
    Disconnected,
    /// The server ended it: takeover, key rotated, shutdown.
    Cancelled,
    /// The gate refused the publisher.
    Refused,
}

/// Why a session failed.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The connection broke, or is not RTMP.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Bytes that are not RTMP chunks.
    #[error("{0}")]
    Read(#[from] ReadError),
    /// A command that is not AMF0.
    #[error("{0}")]
    Amf(#[from] AmfError),
    /// The client did not come to `publish` in time.
    #[error("no publish command within {} s", SETUP_TIMEOUT.as_secs())]
    SetupTimeout,
    /// The client sent much and did not publish.
    #[error("more than {SETUP_BYTES} bytes before publish")]
    SetupBytes,
    /// Nothing came any more.
    #[error("nothing received for {0:?}")]
    Idle(Duration),
    /// Bytes came, but no media.
    #[error("no audio or video for {0:?}")]
    NoMedia(Duration),
    /// The client does not read.
    #[error("the client takes no data")]
    WriteTimeout,
    /// A command that has no place here.
    #[error("{0}")]
    Protocol(&'static str),
}

/// Serves one connection. `admitted` is called when the gate let the publisher in.
///
/// # Errors
/// When the connection ended otherwise than in order. The source, if any, has ended either way.
pub async fn run<S>(
    mut stream: S,
    peer: SocketAddr,
    context: &Context,
    admitted: impl FnOnce(),
) -> Result<End, SessionError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let deadline = Instant::now() + SETUP_TIMEOUT;
    let setup = async move {
        handshake::accept(&mut stream).await?;
        let mut connection = Connection::new(stream);
        let publish = connection.setup().await?;
        Ok::<_, SessionError>(publish.map(|publish| (connection, publish)))
    };
    let setup = tokio::select! {
        result = timeout_at(deadline, setup) => result.map_err(|_| SessionError::SetupTimeout)??,
        () = context.drain.begun() => return Ok(End::Cancelled),
        () = context.cancel.cancelled() => return Ok(End::Cancelled),
    };
    let Some((mut connection, publish)) = setup else {
        return Ok(End::Disconnected);
    };

    let request = PublishRequest {
        app: publish.app,
        key: publish.key,
        peer,
    };
    let admission = match timeout(ADMIT_TIMEOUT, context.gate.admit(request)).await {
        Ok(Ok(admission)) => admission,
        refused => {
            let refusal = match refused {
                Ok(Err(refusal)) => refusal,
                _ => Refusal::Unavailable("busy".to_owned()),
            };
            info!(%peer, reason = %refusal, "publisher refused");
            connection.status("error", "NetStream.Publish.BadName", &refusal.to_string());
            connection.finish().await?;
            return Ok(End::Refused);
        }
    };
    admitted();
    info!(%peer, slug = admission.slug, "publisher admitted");
    let slug = admission.slug.clone();
    let result = connection.publish(admission, publish.client, context).await;
    match &result {
        Ok(end) => info!(%peer, slug, ?end, "publisher gone"),
        Err(error) => info!(%peer, slug, %error, "publisher gone"),
    }
    result
}

struct Publish {
    app: String,
    key: String,
    client: Capabilities,
}

/// The connection after the handshake.
struct Connection<S> {
    stream: S,
    reader: Box<dyn MessageReader>,
    writer: ChunkWriter,
    input: BytesMut,
    output: BytesMut,
    /// The client takes nothing more. What it sent before may still be unread, its goodbye among it: OBS says it and
    /// closes the connection at once.
    is_deaf: bool,
    /// Bytes received, modulo 2³², as acknowledgements count them.
    received: u32,
    acknowledged: u32,
    window: u32,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            reader: Box::new(ChunkReader::new(SETUP_MESSAGE_LIMIT)),
            writer: ChunkWriter::default(),
            input: BytesMut::new(),
            output: BytesMut::new(),
            is_deaf: false,
            received: 0,
            acknowledged: 0,
            window: WINDOW,
        }
    }

    /// Answers commands until `publish`. `None`: the client went away in order.
    async fn setup(&mut self) -> Result<Option<Publish>, SessionError> {
        let mut connected = None;
        let mut total = 0;
        loop {
            while let Some(message) = self.reader.next(&mut self.input)? {
                if self.control(&message) {
                    continue;
                }
                let (MessageKind::CommandAmf0 | MessageKind::CommandAmf3) = message.kind else {
                    // Media before admission is never looked at.
                    continue;
                };
                match Command::read(message.kind, message.payload)? {
                    Command::Connect {
                        transaction,
                        app,
                        object_encoding,
                        client,
                    } => {
                        debug!(
                            codecs = ?client.four_ccs,
                            reconnects = client.reconnects(),
                            "connected"
                        );
                        connected = Some((app, client));
                        self.connected(transaction, object_encoding);
                    }
                    Command::CreateStream { transaction } => {
                        self.send(
                            COMMANDS,
                            &command::create_stream_result(transaction, STREAM),
                        );
                    }
                    Command::FcPublish { name } => {
                        self.send(COMMANDS, &command::on_fc_publish(&name))
                    }
                    Command::Publish { name } => {
                        let (app, client) =
                            connected.ok_or(SessionError::Protocol("publish before connect"))?;
                        self.flush().await?;
                        let (app, key) = command::app_and_key(&app, &name);
                        return Ok(Some(Publish { app, key, client }));
                    }
                    Command::Play => {
                        self.status(
                            "error",
                            "NetStream.Play.Failed",
                            "Weir is watched in a browser, not over RTMP",
                        );
                        self.finish().await?;
                        return Ok(None);
                    }
                    Command::Close => return Ok(None),
                    Command::Other { transaction, name } => self.other(transaction, &name),
                }
            }
            self.flush().await?;
            let read = self.read(SETUP_READ).await?;
            if read == 0 {
                return Ok(None);
            }
            total += read as u64;
            if total > SETUP_BYTES {
                return Err(SessionError::SetupBytes);
            }
        }
    }

    fn connected(&mut self, transaction: f64, object_encoding: f64) {
        self.send(
            CONTROL,
            &control(
                MessageKind::WindowAcknowledgementSize,
                &WINDOW.to_be_bytes(),
            ),
        );
        // 5.4.5: limit type 2, dynamic.
        let bandwidth = [&WINDOW.to_be_bytes()[..], &[2]].concat();
        self.send(CONTROL, &control(MessageKind::SetPeerBandwidth, &bandwidth));
        self.writer.set_chunk_size(CHUNK_SIZE, &mut self.output);
        self.send(
            COMMANDS,
            &command::connect_result(transaction, object_encoding),
        );
    }

    fn other(&mut self, transaction: f64, name: &str) {
        debug!(name, "unknown command");
        // releaseStream and the like: some clients wait for a result before they go on.
        if transaction != 0.0 && !matches!(name, "_result" | "_error" | "onStatus") {
            self.send(COMMANDS, &command::empty_result(transaction));
        }
    }

    /// Takes media until the end.
    async fn publish(
        &mut self,
        admission: Admission,
        client: Capabilities,
        context: &Context,
    ) -> Result<End, SessionError> {
        let movable = client.reconnects().then(|| context.drain.movable());
        let mut asked = movable.is_none();
        let Admission {
            slug,
            output,
            cancel,
            goodbye,
            requests,
        } = admission;
        let mut tracks = Tracks::new(context.ingest.open(&slug, output, requests));
        self.reader.set_limit(MEDIA_MESSAGE_LIMIT);
        let begin = [&STREAM_BEGIN.to_be_bytes()[..], &STREAM.to_be_bytes()].concat();
        self.send(CONTROL, &control(MessageKind::UserControl, &begin));
        self.status("status", "NetStream.Publish.Start", "Publishing.");

        let mut media_by = Instant::now() + FIRST_MEDIA_TIMEOUT;
        let mut idle = FIRST_MEDIA_TIMEOUT;
        loop {
            match self.take_messages(&mut tracks)? {
                Taken::Closed => {
                    goodbye.cancel();
                    drop(tracks);
                    self.status("status", "NetStream.Unpublish.Success", "Stream closed.");
                    // The client may be gone already; the stream has ended in order all the same.
                    let _ = self.finish().await;
                    return Ok(End::Unpublished);
                }
                Taken::Media => {
                    media_by = Instant::now() + MEDIA_TIMEOUT;
                    idle = IDLE_TIMEOUT;
                }
                Taken::Nothing => {}
            }
            if Instant::now() >= media_by {
                return Err(SessionError::NoMedia(if idle == IDLE_TIMEOUT {
                    MEDIA_TIMEOUT
                } else {
                    idle
                }));
            }
            self.flush().await?;
            let read = tokio::select! {
                read = timeout(idle, self.read(MEDIA_READ)) => read.map_err(|_| SessionError::Idle(idle))??,
                () = cancel.cancelled() => return self.cancelled(tracks).await,
                () = context.cancel.cancelled() => return self.cancelled(tracks).await,
                () = context.drain.begun(), if !asked => {
                    // Goes on until the client has gone, or the server has waited long enough.
                    asked = true;
                    info!("the publisher is asked to connect elsewhere");
                    self.send(COMMANDS, &command::reconnect_request(client.url.as_deref()));
                    continue;
                }
            };
            if read == 0 {
                return Ok(End::Disconnected);
            }
        }
    }

    async fn cancelled(&mut self, tracks: Tracks) -> Result<End, SessionError> {
        drop(tracks);
        self.status(
            "status",
            "NetStream.Unpublish.Success",
            "The server ended the stream.",
        );
        let _ = self.finish().await;
        Ok(End::Cancelled)
    }

    /// Works off the messages that are there.
    fn take_messages(&mut self, tracks: &mut Tracks) -> Result<Taken, SessionError> {
        let mut taken = Taken::Nothing;
        while let Some(message) = self.reader.next(&mut self.input)? {
            if self.control(&message) {
                continue;
            }
            match message.kind {
                MessageKind::Audio => {
                    tracks.message(Kind::Audio, message.timestamp, message.payload)
                }
                MessageKind::Video => {
                    tracks.message(Kind::Video, message.timestamp, message.payload)
                }
                MessageKind::Aggregate => aggregate(tracks, &message),
                MessageKind::CommandAmf0 | MessageKind::CommandAmf3 => {
                    let command = match Command::read(message.kind, message.payload) {
                        Ok(command) => command,
                        // Some encoder's own, in a form of its own: no reason to end a stream.
                        Err(error) => {
                            debug!(%error, "unknown command");
                            continue;
                        }
                    };
                    match command {
                        Command::Close => return Ok(Taken::Closed),
                        Command::Publish { .. } => {
                            return Err(SessionError::Protocol("a second publish"));
                        }
                        Command::Play => {
                            return Err(SessionError::Protocol("play while publishing"));
                        }
                        Command::Connect { .. } => {
                            return Err(SessionError::Protocol("a second connect"));
                        }
                        Command::CreateStream { transaction } => {
                            self.send(
                                COMMANDS,
                                &command::create_stream_result(transaction, STREAM),
                            );
                        }
                        Command::FcPublish { .. } => {}
                        Command::Other { transaction, name } => self.other(transaction, &name),
                    }
                    continue;
                }
                // Metadata says nothing that the media does not say better.
                _ => continue,
            }
            taken = Taken::Media;
        }
        Ok(taken)
    }

    /// Protocol control and user control messages. True when the message was one.
    fn control(&mut self, message: &Message) -> bool {
        match message.kind {
            MessageKind::WindowAcknowledgementSize => {
                if let Some(bytes) = message.payload.first_chunk::<4>() {
                    self.window = u32::from_be_bytes(*bytes).max(SMALLEST_WINDOW);
                }
                true
            }
            MessageKind::UserControl => {
                let mut body = message.payload.clone();
                if body.try_get_u16() == Ok(PING_REQUEST) && body.len() == 4 {
                    let pong = [&PING_RESPONSE.to_be_bytes()[..], &body].concat();
                    self.send(CONTROL, &control(MessageKind::UserControl, &pong));
                }
                true
            }
            MessageKind::Acknowledgement | MessageKind::SetPeerBandwidth => true,
            _ => false,
        }
    }

    fn status(&mut self, level: &str, code: &str, description: &str) {
        self.send(
            COMMANDS,
            &command::on_status(STREAM, level, code, description),
        );
    }

    fn send(&mut self, chunk_stream: u8, message: &Message) {
        self.writer.write(chunk_stream, message, &mut self.output);
    }

    async fn flush(&mut self) -> Result<(), SessionError> {
        if self.received.wrapping_sub(self.acknowledged) >= self.window {
            self.acknowledged = self.received;
            self.send(
                CONTROL,
                &control(MessageKind::Acknowledgement, &self.received.to_be_bytes()),
            );
        }
        if self.output.is_empty() {
            return Ok(());
        }
        if !self.is_deaf {
            let write = async {
                self.stream.write_all_buf(&mut self.output).await?;
                self.stream.flush().await
            };
            let written = timeout(WRITE_TIMEOUT, write).await;
            self.is_deaf = written.map_err(|_| SessionError::WriteTimeout)?.is_err();
        }
        self.output.clear();
        Ok(())
    }

    /// Safe to cancel: what was read is in `input`.
    async fn read(&mut self, room: usize) -> Result<usize, SessionError> {
        self.input.reserve(room);
        let read = (&mut self.stream)
            .take(room as u64)
            .read_buf(&mut self.input)
            .await?;
        self.received = self.received.wrapping_add(read as u32);
        Ok(read)
    }

    /// Sends what is left to say, says that nothing more comes, and waits for the client to go.
    async fn finish(&mut self) -> Result<(), SessionError> {
        self.flush().await?;
        self.stream.shutdown().await?;
        let mut rest = (&mut self.stream).take(LINGER_BYTES);
        let _ = timeout(LINGER, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
        Ok(())
    }
}

enum Taken {
    Nothing,
    Media,
    Closed,
}

fn control(kind: MessageKind, payload: &[u8]) -> Message {
    Message {
        kind,
        timestamp: 0,
        stream: 0,
        payload: Bytes::copy_from_slice(payload),
    }
}

/// Aggregate messages (7.1.6): FLV tags in a row. Their times are relative to the first one's.
fn aggregate(tracks: &mut Tracks, message: &Message) {
    const TAG_HEADER: usize = 11;
    const BACK_POINTER: usize = 4;
    let mut body = message.payload.clone();
    let mut first = None;
    while body.len() >= TAG_HEADER {
        let kind = MessageKind::from_id(body.get_u8());
        let length = body.get_uint(3) as usize;
        let low = body.get_uint(3) as u32;
        let time = low | u32::from(body.get_u8()) << 24;
        body.advance(3);
        if length > body.len() {
            return;
        }
        let data = body.split_to(length);
        body.advance(BACK_POINTER.min(body.len()));
        let timestamp = message
            .timestamp
            .wrapping_add(time.wrapping_sub(*first.get_or_insert(time)));
        match kind {
            MessageKind::Audio => tracks.message(Kind::Audio, timestamp, data),
            MessageKind::Video => tracks.message(Kind::Video, timestamp, data),
            _ => {}
        }
    }
}
