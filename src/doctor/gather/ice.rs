//! A session of the media plane's own, so that checks of it are the ones that clients make.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::random;
use weir_rtp::stun::{Message, Transaction, Writer};
use weir_sfu::{SessionId, Sfu, StreamId};

/// Binding request (RFC 8489 section 5).
const BINDING: u16 = 0x0001;
/// RFC 8489 section 18.3.
const USERNAME: u16 = 0x0006;
/// RFC 8445 section 16.1.
const PRIORITY: u16 = 0x0024;
/// RFC 8445 section 16.1.
const ICE_CONTROLLING: u16 = 0x802a;

/// Streams of checks: rows are never numbered so high, and transcodes are marked by a higher bit.
const STREAMS: u64 = 1 << 62;

/// Our half of the user name.
const FRAGMENT: &str = "doctor00";

/// A publisher's session that never sends.
pub struct Ice {
    sfu: Sfu,
    session: SessionId,
    username: String,
    password: String,
}

impl Ice {
    /// Begins one. It is to be [closed](Self::close); forgotten, it ends for want of a sign of life.
    pub async fn open(sfu: &Sfu) -> Result<Self, String> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let stream = StreamId(STREAMS | NEXT.fetch_add(1, Ordering::Relaxed));
        let session = sfu.publish(stream, offer()).await;
        let session = session.map_err(|error| error.to_string())?;
        let line = |name: &str| {
            let mut lines = session.answer.lines();
            lines
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
        };
        let (Some(fragment), Some(password)) = (line("a=ice-ufrag:"), line("a=ice-pwd:")) else {
            return Err("the media plane's answer has no ICE".to_owned());
        };
        Ok(Self {
            sfu: sfu.clone(),
            session: session.id,
            username: format!("{fragment}:{FRAGMENT}"),
            password: password.to_owned(),
        })
    }

    /// A connectivity check (RFC 8445 section 7.2.2), and what its answer repeats.
    pub fn check(&self) -> (Vec<u8>, Transaction) {
        let transaction: Transaction = random();
        let mut request = Vec::new();
        Writer::new(&mut request, BINDING, &transaction)
            .attribute(USERNAME, self.username.as_bytes())
            .attribute(PRIORITY, &1_u32.to_be_bytes())
            .attribute(ICE_CONTROLLING, &random::<[u8; 8]>())
            .integrity(self.password.as_bytes());
        (request, transaction)
    }

    /// Whether this is the media plane's answer to that check.
    pub fn is_answer(&self, transaction: &Transaction, bytes: &[u8]) -> bool {
        Message::parse(bytes).is_some_and(|message| {
            message.is_success()
                && message.transaction() == *transaction
                && message.is_authentic(&self.password)
        })
    }

    /// Ends the session.
    pub async fn close(&self) {
        self.sfu.end_session(self.session).await;
    }
}

/// One track of sound. The fingerprint is chance: no handshake ever comes.
fn offer() -> String {
    let fingerprint = random::<[u8; 32]>().map(|byte| format!("{byte:02X}"));
    [
        "v=0",
        "o=- 1 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=sendonly",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        &format!("a=ice-ufrag:{FRAGMENT}"),
        &format!("a=ice-pwd:{:032x}", random::<u128>()),
        &format!("a=fingerprint:sha-256 {}", fingerprint.join(":")),
        "a=setup:actpass",
        "",
    ]
    .join("\r\n")
}
