//! A client's DTLS that tells its keys, so that a receiver of the tests' own opens and seals.

use std::{
    cell::RefCell,
    sync::{Arc, OnceLock},
    time::Instant,
};

use str0m::{
    config::{CryptoProvider, DtlsCert, DtlsVersion},
    crypto::{
        CryptoError,
        dtls::{
            DtlsImplError, DtlsInstance, DtlsOutput, DtlsProvider, ProtocolVersion, SrtpProfile,
        },
        from_feature_flags,
    },
};
use weir_rtp::srtp::{MasterKey, Profile, split_keying_material};

/// Keys of a session, as the client has them.
pub struct Keys {
    pub profile: Profile,
    pub ours: MasterKey,
    pub theirs: MasterKey,
}

thread_local! {
    static KEYS: RefCell<Option<Keys>> = const { RefCell::new(None) };
}

/// Of the handshake that completed just now on this thread.
pub fn take_keys() -> Option<Keys> {
    KEYS.take()
}

pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    static DTLS: OnceLock<Telling> = OnceLock::new();
    PROVIDER
        .get_or_init(|| {
            let mut provider = from_feature_flags();
            let inner = provider.dtls_provider;
            provider.dtls_provider = DTLS.get_or_init(|| Telling(inner));
            Arc::new(provider)
        })
        .clone()
}

#[derive(Debug)]
struct Telling(&'static dyn DtlsProvider);

impl DtlsProvider for Telling {
    fn generate_certificate(&self) -> Option<DtlsCert> {
        self.0.generate_certificate()
    }

    fn new_dtls(
        &self,
        cert: &DtlsCert,
        now: Instant,
        version: DtlsVersion,
        mtu: Option<usize>,
    ) -> Result<Box<dyn DtlsInstance>, CryptoError> {
        Ok(Box::new(Told(self.0.new_dtls(cert, now, version, mtu)?)))
    }

    fn is_test(&self) -> bool {
        self.0.is_test()
    }
}

#[derive(Debug)]
struct Told(Box<dyn DtlsInstance>);

impl DtlsInstance for Told {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let active = self.0.is_active();
        let output = self.0.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(material, name) = &output {
            let profile = match *name {
                SrtpProfile::AEAD_AES_128_GCM => Profile::Aes128Gcm,
                SrtpProfile::AEAD_AES_256_GCM => Profile::Aes256Gcm,
                _ => Profile::Aes128CmSha1_80,
            };
            let (client, server) = split_keying_material(profile, material).unwrap();
            let (ours, theirs) = if active {
                (client, server)
            } else {
                (server, client)
            };
            KEYS.set(Some(Keys {
                profile,
                ours,
                theirs,
            }));
        }
        output
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.0.handle_timeout(now)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.0.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.0.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.0.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.0.close()
    }
}
