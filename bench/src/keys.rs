//! The SRTP keys of a str0m session, taken as its DTLS handshake passes them on.
//!
//! str0m does SDP, ICE and DTLS for a viewer here; media and RTCP are handled by this crate, since
//! a full client for each of a thousand viewers would cost more than the server that is measured.

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

/// What a handshake agreed on.
pub(crate) struct Agreed {
    pub(crate) profile: SrtpProfile,
    /// As RFC 5764 section 4.2 orders it: client key, server key, client salt, server salt.
    pub(crate) material: Vec<u8>,
    /// This end was the DTLS client.
    pub(crate) client: bool,
}

thread_local! {
    /// Keys of the handshake that completed last on this thread. Whoever drives a session asks after
    /// each call, so they are those of that session.
    static AGREED: RefCell<Option<Agreed>> = const { RefCell::new(None) };
}

/// The keys agreed just now on this thread.
pub(crate) fn take() -> Option<Agreed> {
    AGREED.take()
}

/// str0m's own provider with the watching DTLS.
pub(crate) fn crypto_provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    static DTLS: OnceLock<Watching> = OnceLock::new();
    PROVIDER
        .get_or_init(|| {
            let mut provider = from_feature_flags();
            provider.dtls_provider = DTLS.get_or_init(|| Watching(provider.dtls_provider));
            Arc::new(provider)
        })
        .clone()
}

#[derive(Debug)]
struct Watching(&'static dyn DtlsProvider);

impl DtlsProvider for Watching {
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
        Ok(Box::new(Watched(self.0.new_dtls(cert, now, version, mtu)?)))
    }

    fn is_test(&self) -> bool {
        self.0.is_test()
    }
}

#[derive(Debug)]
struct Watched(Box<dyn DtlsInstance>);

impl DtlsInstance for Watched {
    fn set_active(&mut self, active: bool) {
        self.0.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        self.0.handle_packet(packet)
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let client = self.0.is_active();
        let output = self.0.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(material, profile) = &output {
            AGREED.set(Some(Agreed {
                profile: *profile,
                material: material.as_ref().to_vec(),
                client,
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
