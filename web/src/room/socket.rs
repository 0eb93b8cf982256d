//! The WebSocket under a room.

use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{MessageEvent, WebSocket};

use crate::dom::{self, Listener};

/// What happens to a connection.
pub enum SocketNews {
    /// It is open.
    Open,
    /// Something was said.
    Text(String),
    /// It ended, or could not be made.
    Lost,
}

/// A connection. Dropping it ends it, and nothing more is told.
pub struct Socket {
    socket: WebSocket,
    _listeners: [Listener; 3],
}

impl Socket {
    /// Connects. The cookie of logging in says who it is.
    pub fn open(tell: impl Fn(SocketNews) + Clone + 'static) -> Result<Self, JsValue> {
        let origin = dom::window().location().origin()?;
        // http to ws, https to wss.
        let socket = WebSocket::new(&format!("{}/ws", origin.replacen("http", "ws", 1)))?;
        let (on_open, on_text) = (tell.clone(), tell.clone());
        let listeners = [
            Listener::new(&socket, "open", move |_| on_open(SocketNews::Open)),
            Listener::new(&socket, "message", move |event| {
                let text = event
                    .dyn_into::<MessageEvent>()
                    .ok()
                    .and_then(|message| message.data().as_string());
                if let Some(text) = text {
                    on_text(SocketNews::Text(text));
                }
            }),
            // An error is always followed by it.
            Listener::new(&socket, "close", move |_| tell(SocketNews::Lost)),
        ];
        Ok(Self {
            socket,
            _listeners: listeners,
        })
    }

    /// Says something.
    pub fn say(&self, text: &str) {
        // What a connection does not take is said again on the next one.
        let _ = self.socket.send_with_str(text);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = self.socket.close();
    }
}
