//! A client of rooms over WebSocket.

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        Message, Utf8Bytes, client::IntoClientRequest, http::header, protocol::WebSocketConfig,
    },
};
use weir_protocol::room::{ClientFrame, ClientMessage, ServerMessage};

/// Read buffer, small since there are thousands of clients.
const READ_BUFFER: usize = 4 * 1024;

/// A connection to `/ws`.
#[derive(Debug)]
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// The connection has ended.
#[derive(Debug)]
pub struct Closed;

impl Client {
    /// Opens the WebSocket of a server, by its base address (`http://…`), with or without a token.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn connect(base: &str, token: Option<&str>) -> anyhow::Result<Self> {
        let url = format!("{}/ws", base.replacen("http", "ws", 1));
        let mut request = url.into_client_request()?;
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse()?;
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0);
        let (socket, _) = connect_async_with_config(request, Some(config), true)
            .await
            .context("the WebSocket is refused")?;
        Ok(Self { socket })
    }

    /// Says something.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn say(&mut self, r#ref: Option<&str>, message: ClientMessage) -> anyhow::Result<()> {
        let frame = ClientFrame {
            r#ref: r#ref.map(str::to_owned),
            message,
        };
        self.say_text(&serde_json::to_string(&frame)?).await
    }

    /// Says a text, whatever it is.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn say_text(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.socket.send(Message::text(text)).await?)
    }

    /// What the server says next, as it is.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn hear_text(&mut self) -> Result<Utf8Bytes, Closed> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Closed),
                Some(Ok(_)) => {}
            }
        }
    }

    /// What the server says next.
    ///
    /// # Errors
    /// When the connection has ended or the server makes no sense.
    pub async fn hear(&mut self) -> anyhow::Result<ServerMessage> {
        let Ok(text) = self.hear_text().await else {
            bail!("the connection has ended");
        };
        serde_json::from_str(&text).with_context(|| format!("not of the protocol: {text}"))
    }

    /// Ends the connection without a word, as a network that breaks does.
    pub fn drop_dead(self) {
        if let MaybeTlsStream::Plain(stream) = self.socket.get_ref() {
            // Only a hint: should it fail, the connection ends in order.
            let _ = stream.set_zero_linger();
        }
    }
}
