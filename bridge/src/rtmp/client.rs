//! The publishing client: for the demo source, for restreaming, for tests.
//!
//! `rml_rtmp` keeps the session and writes the chunks. What the server sends goes through our own
//! reader first and reaches it as plain, complete messages: its reader panics on interleaved
//! chunks, recurses without limit into AMF0, and loses the description of a refusal.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt;
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::sessions::{
    ClientSession, ClientSessionConfig, ClientSessionError, ClientSessionEvent,
    ClientSessionResult, PublishRequestType, StreamMetadata,
};
use rml_rtmp::time::RtmpTimestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use weir_media::{AudioCodec, Kind, MediaTime, VideoCodec};

use super::amf0::{self, AmfError, Value};
use super::chunk::{ChunkReader, ChunkWriter};
use super::flv;
use super::reader::{Message, MessageKind, MessageReader, ReadError};
use crate::source::{AccessUnit, SourceFormat};

/// Default port (RTMP 1.0, section 6; registered as `macromedia-fcs`).
const DEFAULT_PORT: u16 = 1935;
/// From the connection attempt to the server's word on `publish`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that takes no media for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a closing client waits for the server to have read all.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of messages that a server may have us hold. Servers send a publisher commands only.
const MESSAGE_LIMIT: usize = 256 * 1024;
/// Chunk size of what we send: what OBS uses.
const CHUNK_SIZE: u32 = 4096;
/// Room for one read.
const READ: usize = 4096;
/// Chunk stream on which messages are handed to the session.
const HANDED_ON: u8 = 3;

/// Why publishing failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not `rtmp://host[:port]/app`.
    #[error("{0:?} is not an address of the form rtmp://host:port/app")]
    BadUrl(String),
    /// The connection failed or broke.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The server said no.
    #[error("refused by the server: {description} ({code})")]
    Refused {
        /// For example `NetStream.Publish.BadName`.
        code: String,
        /// The server's words.
        description: String,
    },
    /// The server ended the stream or the connection.
    #[error("closed by the server")]
    Closed,
    /// The server did not answer, or takes no data.
    #[error("the server does not answer")]
    Timeout,
    /// The server does not speak RTMP as we know it.
    #[error("bad answer from the server: {0}")]
    Protocol(String),
}

impl From<ReadError> for ClientError {
    fn from(error: ReadError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<AmfError> for ClientError {
    fn from(error: AmfError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<ClientSessionError> for ClientError {
    fn from(error: ClientSessionError) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// What the media of a stream of H.264 and AAC is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// Width and height of the picture, where there is one.
    pub video: Option<(u32, u32)>,
    /// Pictures a second, when known.
    pub frame_rate: Option<f64>,
    /// Bits a second of the picture.
    pub video_bitrate: u32,
    /// Channels of the sound, where there is one.
    pub audio: Option<u32>,
    /// Bits a second of the sound.
    pub audio_bitrate: u32,
}

/// A connection that publishes.
pub struct Client<S = TcpStream> {
    stream: S,
    session: ClientSession,
    reader: ChunkReader,
    input: BytesMut,
    /// The codecs announced so far, which the tags of access units name.
    video: Option<VideoCodec>,
    audio: Option<AudioCodec>,
}

impl Client {
    /// Connects to `rtmp://host[:port]/app` and publishes under `key`. Returns when the server has
    /// agreed.
    pub async fn connect(url: &str, key: &str) -> Result<Self, ClientError> {
        let (address, app) = split(url).ok_or_else(|| ClientError::BadUrl(url.to_owned()))?;
        let publish = async {
            let stream = TcpStream::connect(&address).await?;
            stream.set_nodelay(true)?;
            Self::over(stream, url, &app, key).await
        };
        timeout(CONNECT_TIMEOUT, publish)
            .await
            .map_err(|_| ClientError::Timeout)?
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Publishes over an open connection. The caller sets the time limit.
    pub async fn over(mut stream: S, url: &str, app: &str, key: &str) -> Result<Self, ClientError> {
        let input = shake_hands(&mut stream).await?;
        let mut config = ClientSessionConfig::new();
        config.tc_url = Some(url.to_owned());
        config.flash_version = "FMLE/3.0 (compatible; Weir)".to_owned();
        config.chunk_size = CHUNK_SIZE;
        let (mut session, first) = ClientSession::new(config)?;
        let connect = session.request_connection(app.to_owned())?;
        let reader = ChunkReader::new(MESSAGE_LIMIT);
        let mut client = Self {
            stream,
            session,
            reader,
            input,
            video: None,
            audio: None,
        };
        client.act(first).await?;
        client.act(vec![connect]).await?;
        client
            .wait_for(&ClientSessionEvent::ConnectionRequestAccepted)
            .await?;
        let publish = client
            .session
            .request_publishing(key.to_owned(), PublishRequestType::Live)?;
        client.act(vec![publish]).await?;
        client
            .wait_for(&ClientSessionEvent::PublishRequestAccepted)
            .await?;
        Ok(client)
    }

    /// Announces a track, or its change. Each layer of the video becomes a track of Enhanced RTMP, all of
    /// one codec. RTP formats have no place in RTMP and are refused.
    pub async fn send_format(&mut self, format: &SourceFormat) -> Result<(), ClientError> {
        let time = RtmpTimestamp::new(0);
        let result = match format {
            SourceFormat::Video {
                layer,
                codec,
                config,
            } => {
                self.video = Some(*codec);
                let tag = flv::video_config(*layer, *codec, config);
                self.session.publish_video_data(tag, time, false)?
            }
            SourceFormat::Audio { codec, config } => {
                self.audio = Some(*codec);
                self.session
                    .publish_audio_data(flv::audio_config(*codec, config), time, false)?
            }
            SourceFormat::RtpVideo { .. } | SourceFormat::RtpAudio => {
                return Err(ClientError::Protocol(
                    "RTP cannot be published over RTMP".to_owned(),
                ));
            }
        };
        self.deliver(result).await
    }

    /// Says what the media is (`onMetaData`), which some services want before they show it.
    pub async fn send_metadata(&mut self, metadata: &Metadata) -> Result<(), ClientError> {
        /// `videocodecid` and `audiocodecid` (Video File Format Specification 10, E.5).
        const AVC: u32 = 7;
        const AAC: u32 = 10;
        let (video, audio) = (metadata.video, metadata.audio);
        let kilobits = |bits: u32| Some(bits.div_ceil(1000)).filter(|kilobits| *kilobits > 0);
        let mut said = StreamMetadata::new();
        said.encoder = Some("Weir".to_owned());
        if let Some((width, height)) = video {
            said.video_width = Some(width);
            said.video_height = Some(height);
            said.video_codec_id = Some(AVC);
            said.video_frame_rate = metadata.frame_rate.map(|rate| rate as f32);
            said.video_bitrate_kbps = kilobits(metadata.video_bitrate);
        }
        if let Some(channels) = audio {
            said.audio_codec_id = Some(AAC);
            said.audio_channels = Some(channels);
            said.audio_is_stereo = Some(channels == 2);
            said.audio_bitrate_kbps = kilobits(metadata.audio_bitrate);
        }
        let result = self.session.publish_metadata(&said)?;
        self.deliver(result).await
    }

    /// Hears what the server says while nothing is sent: its pings are answered, its end is noticed.
    pub async fn attend(&mut self) -> Result<(), ClientError> {
        self.hear().await
    }

    /// Sends one picture or audio frame. Its format must have been sent.
    pub async fn send(&mut self, unit: &AccessUnit) -> Result<(), ClientError> {
        let time = RtmpTimestamp::new(milliseconds(unit.dts) as u32);
        let result = match unit.kind {
            Kind::Video => {
                let codec = self.video.ok_or_else(|| {
                    ClientError::Protocol("a picture before its format".to_owned())
                })?;
                let composition = milliseconds(unit.pts) as i64 - milliseconds(unit.dts) as i64;
                let tag = flv::video_frame(
                    unit.layer,
                    codec,
                    unit.keyframe,
                    composition as i32,
                    &unit.data,
                );
                self.session.publish_video_data(tag, time, false)?
            }
            Kind::Audio => {
                let codec = self
                    .audio
                    .ok_or_else(|| ClientError::Protocol("audio before its format".to_owned()))?;
                self.session
                    .publish_audio_data(flv::audio_frame(codec, &unit.data), time, false)?
            }
        };
        self.deliver(result).await
    }

    /// Ends the stream in order.
    pub async fn close(mut self) -> Result<(), ClientError> {
        let results = self.session.stop_publishing()?;
        self.act(results).await?;
        self.stream.shutdown().await?;
        let mut nowhere = tokio::io::sink();
        match timeout(
            CLOSE_TIMEOUT,
            tokio::io::copy(&mut self.stream, &mut nowhere),
        )
        .await
        {
            Ok(Ok(_)) | Err(_) => Ok(()),
            Ok(Err(error)) => Err(error.into()),
        }
    }

    /// Writes one message and takes what the server said meanwhile.
    async fn deliver(&mut self, result: ClientSessionResult) -> Result<(), ClientError> {
        timeout(WRITE_TIMEOUT, self.act(vec![result]))
            .await
            .map_err(|_| ClientError::Timeout)??;
        self.hear().await
    }

    /// Takes what the server has said, without waiting for more.
    async fn hear(&mut self) -> Result<(), ClientError> {
        loop {
            self.input.reserve(READ);
            match self.stream.read_buf(&mut self.input).now_or_never() {
                None => return Ok(()),
                Some(Ok(0)) => return Err(ClientError::Closed),
                Some(Ok(_)) => {
                    self.take_messages().await?;
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    async fn wait_for(&mut self, event: &ClientSessionEvent) -> Result<(), ClientError> {
        loop {
            let events = self.take_messages().await?;
            if events.contains(event) {
                return Ok(());
            }
            self.input.reserve(READ);
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(ClientError::Closed);
            }
        }
    }

    async fn take_messages(&mut self) -> Result<Vec<ClientSessionEvent>, ClientError> {
        let mut events = Vec::new();
        while let Some(message) = self.reader.next(&mut self.input)? {
            match message.kind {
                MessageKind::CommandAmf0 => check_command(&message)?,
                MessageKind::WindowAcknowledgementSize | MessageKind::UserControl => {}
                _ => continue,
            }
            let mut plain = BytesMut::new();
            ChunkWriter::default().write(HANDED_ON, &message, &mut plain);
            let results = self.session.handle_input(&plain)?;
            events.extend(self.act(results).await?);
        }
        Ok(events)
    }

    /// Writes what the session wants written; returns its events.
    async fn act(
        &mut self,
        results: Vec<ClientSessionResult>,
    ) -> Result<Vec<ClientSessionEvent>, ClientError> {
        let mut events = Vec::new();
        for result in results {
            match result {
                ClientSessionResult::OutboundResponse(packet) => {
                    self.stream.write_all(&packet.bytes).await?
                }
                ClientSessionResult::RaisedEvent(
                    ClientSessionEvent::ConnectionRequestRejected { description },
                ) => {
                    return Err(ClientError::Refused {
                        code: "NetConnection.Connect.Rejected".to_owned(),
                        description,
                    });
                }
                ClientSessionResult::RaisedEvent(event) => events.push(event),
                ClientSessionResult::UnhandleableMessageReceived(_) => {}
            }
        }
        self.stream.flush().await?;
        Ok(events)
    }
}

/// Reads a command for what the session cannot tell: why and that the server ends the stream.
fn check_command(message: &Message) -> Result<(), ClientError> {
    let values = amf0::decode_all(message.payload.clone())?;
    if values.first().and_then(Value::as_str) != Some("onStatus") {
        return Ok(());
    }
    let Some(information) = values.get(3) else {
        return Ok(());
    };
    let text = |name| {
        information
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    if text("level") == "error" {
        return Err(ClientError::Refused {
            code: text("code"),
            description: text("description"),
        });
    }
    if text("code") == "NetStream.Unpublish.Success" {
        return Err(ClientError::Closed);
    }
    Ok(())
}

/// The client's side of the handshake. Returns what the server sent after it.
async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
) -> Result<BytesMut, ClientError> {
    let bad = |error: rml_rtmp::handshake::HandshakeError| ClientError::Protocol(error.to_string());
    let mut handshake = Handshake::new(PeerType::Client);
    stream
        .write_all(&handshake.generate_outbound_p0_and_p1().map_err(bad)?)
        .await?;
    let mut input = BytesMut::with_capacity(READ);
    loop {
        input.reserve(READ);
        if stream.read_buf(&mut input).await? == 0 {
            return Err(ClientError::Closed);
        }
        match handshake.process_bytes(&input.split()).map_err(bad)? {
            HandshakeProcessResult::InProgress { response_bytes } => {
                stream.write_all(&response_bytes).await?
            }
            HandshakeProcessResult::Completed {
                response_bytes,
                remaining_bytes,
            } => {
                stream.write_all(&response_bytes).await?;
                return Ok(BytesMut::from(&remaining_bytes[..]));
            }
        }
    }
}

/// Splits `rtmp://host[:port]/app` into an address to connect to and the application.
fn split(url: &str) -> Option<(String, String)> {
    let (authority, app) = url.strip_prefix("rtmp://")?.split_once('/')?;
    let app = app.trim_end_matches('/');
    if authority.is_empty() || app.is_empty() {
        return None;
    }
    // An IPv6 address stands in brackets; its own colons are no port.
    let after_host = authority
        .rfind(']')
        .map_or(authority, |end| &authority[end..]);
    let address = match after_host.rsplit_once(':') {
        Some((_, port)) => {
            port.parse::<u16>().ok()?;
            authority.to_owned()
        }
        None => format!("{authority}:{DEFAULT_PORT}"),
    };
    Some((address, app.to_owned()))
}

/// To the nearest millisecond.
fn milliseconds(time: MediaTime) -> u64 {
    (time + 500_000) / 1_000_000
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_split() {
        let parts = |url| split(url).map(|(address, app)| format!("{address} {app}"));
        assert_eq!(
            parts("rtmp://localhost/live").unwrap(),
            "localhost:1935 live"
        );
        assert_eq!(
            parts("rtmp://localhost:1936/live/").unwrap(),
            "localhost:1936 live"
        );
        assert_eq!(parts("rtmp://[::1]/live").unwrap(), "[::1]:1935 live");
        assert_eq!(parts("rtmp://[::1]:1936/live").unwrap(), "[::1]:1936 live");
        for bad in [
            "http://localhost/live",
            "rtmp://localhost",
            "rtmp:///live",
            "rtmp://localhost:x/live",
        ] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }
}
