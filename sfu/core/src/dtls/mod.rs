//! Takes the media keys of a session as they pass through str0m's DTLS.
//!
//! str0m's cryptography is a public interface, so its DTLS provider is wrapped: each instance passes
//! everything through but the keying material (RFC 5764 section 4.2). A viewer's keys are **taken**:
//! str0m gets random bytes in their place. Of a publisher's the half that seals is taken; the other
//! str0m has too, since it opens the media. So whatever str0m might seal, it is not under a key that a
//! peer has: [`egress`](crate::egress) and [`media_keys`](crate::media_keys) are the only ones that
//! ever use those, and no index can be used twice by two.
//!
//! str0m's own DTLS, dimpl, takes certificates with ECDSA keys alone. Browsers have those; GStreamer,
//! and so every program that is made of it, has RSA. Who offers nothing newer than DTLS 1.2, as no
//! browser does, is served by webrtc-rs's DTLS, which takes both.

mod client_hello;
mod rtc_dtls;

use std::{
    cell::RefCell,
    fmt,
    sync::{Arc, OnceLock},
    time::Instant,
};

use str0m::{
    config::{CryptoProvider, DtlsCert, DtlsVersion, KeyingMaterial},
    crypto::{
        CryptoError,
        dtls::{
            DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion, SrtpProfile,
        },
        from_feature_flags,
    },
};
use weir_rtp::srtp::Profile;

use self::client_hello::{ClientHello, Offers};
use crate::sdp::Role;

/// Bytes of a datagram, where str0m names no number.
const MTU: usize = 1_200;

/// What a handshake agreed on.
pub struct Agreed {
    /// The profile's name as DTLS has it, for logs.
    pub name: SrtpProfile,
    /// Whether we were the DTLS client: then our keys are the client's.
    pub active: bool,
    /// Profile and keying material; only where we know the profile.
    pub keys: Option<(Profile, Vec<u8>)>,
    /// What str0m got in its place.
    pub passed_on: Vec<u8>,
}

impl fmt::Debug for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agreed").field("name", &self.name).finish()
    }
}

thread_local! {
    /// Of the handshake that completed last on this thread. str0m reports `Connected` in the same
    /// call that passes the keying material, so the session that asks next is the one.
    static AGREED: RefCell<Option<Agreed>> = const { RefCell::new(None) };
}

/// What the handshake agreed on that completed just now on this thread.
pub(crate) fn take_agreed() -> Option<Agreed> {
    AGREED.take()
}

/// str0m's own provider with the wrapped DTLS.
pub(crate) fn crypto_provider(role: Role) -> Arc<CryptoProvider> {
    static PUBLISHER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    static VIEWER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    static PUBLISHER_DTLS: OnceLock<Watching> = OnceLock::new();
    static VIEWER_DTLS: OnceLock<Watching> = OnceLock::new();
    let (provider, dtls) = match role {
        Role::Publisher => (&PUBLISHER, &PUBLISHER_DTLS),
        Role::Viewer => (&VIEWER, &VIEWER_DTLS),
    };
    provider
        .get_or_init(|| {
            let mut provider = from_feature_flags();
            let inner = provider.dtls_provider;
            provider.dtls_provider = dtls.get_or_init(|| Watching { inner, role });
            Arc::new(provider)
        })
        .clone()
}

fn profile(name: SrtpProfile) -> Option<Profile> {
    match name {
        SrtpProfile::AES128_CM_SHA1_80 => Some(Profile::Aes128CmSha1_80),
        SrtpProfile::AEAD_AES_128_GCM => Some(Profile::Aes128Gcm),
        SrtpProfile::AEAD_AES_256_GCM => Some(Profile::Aes256Gcm),
        _ => None,
    }
}

#[derive(Debug)]
struct Watching {
    inner: &'static dyn DtlsProvider,
    role: Role,
}

impl DtlsProvider for Watching {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        self.inner.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        Ok(Box::new(Watched {
            inner: self.inner.new_dtls(cert, now, version, mtu)?,
            role: self.role,
            undecided: Some(Undecided {
                cert: cert.clone(),
                now,
                mtu: mtu.unwrap_or(MTU),
                hello: ClientHello::default(),
            }),
        }))
    }

    fn is_test(&self) -> bool {
        self.inner.is_test()
    }
}

#[derive(Debug)]
struct Watched {
    inner: Box<dyn DtlsInstance>,
    role: Role,
    /// Until a client's hello says what it speaks.
    undecided: Option<Undecided>,
}

/// What another server's side is made of.
#[derive(Debug)]
struct Undecided {
    cert: DtlsCert,
    now: Instant,
    mtu: usize,
    hello: ClientHello,
}

impl DtlsInstance for Watched {
    fn set_active(&mut self, active: bool) {
        if active {
            self.undecided = None;
        }
        self.inner.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        let Some(undecided) = &mut self.undecided else {
            return self.inner.handle_packet(packet);
        };
        let Some(offers) = undecided.hello.read(packet) else {
            return Ok(());
        };
        if offers == Offers::Dtls12Only {
            match rtc_dtls::Server::new(&undecided.cert, undecided.now, undecided.mtu) {
                Ok(server) => self.inner = Box::new(server),
                Err(error) => tracing::warn!(%error, "no DTLS for RSA certificates"),
            }
        }
        let decided = self.undecided.take().into_iter();
        let mut datagrams = decided.flat_map(|undecided| undecided.hello.into_datagrams());
        datagrams.try_for_each(|datagram| self.inner.handle_packet(&datagram))
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let active = self.inner.is_active();
        let output = self.inner.poll_output(buf);
        let DtlsOutput::KeyingMaterial(material, name) = output else {
            return output;
        };
        let mut passed_on = decoy(material.len());
        let keys = profile(name).map(|profile| (profile, material.to_vec()));
        if let (Role::Publisher, Some((profile, material))) = (self.role, &keys) {
            // Both keys, then both salts; the client's first.
            let (key, salt) = (profile.key_len(), profile.salt_len());
            let peer = usize::from(active);
            for part in [
                peer * key..(peer + 1) * key,
                2 * key + peer * salt..2 * key + (peer + 1) * salt,
            ] {
                let place = passed_on.get_mut(part.clone());
                if let (Some(place), Some(real)) = (place, material.get(part)) {
                    place.copy_from_slice(real);
                }
            }
        }
        let passed = KeyingMaterial::new(&passed_on);
        AGREED.set(Some(Agreed {
            name,
            active,
            keys,
            passed_on,
        }));
        DtlsOutput::KeyingMaterial(passed, name)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        if let Some(undecided) = &mut self.undecided {
            undecided.now = now;
        }
        self.inner.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.inner.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.inner.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.inner.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.inner.close()
    }
}

/// Random bytes in place of keying material.
fn decoy(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    // Without randomness no handshake would have come this far; zeros would still be no key of ours.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    bytes
}
