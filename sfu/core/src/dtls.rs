//! Watches str0m's DTLS for one thing that str0m does not tell: which SRTP profile was agreed.
//!
//! The provider's interface is public, so it is wrapped: each instance passes everything through
//! and notes the profile as the keying material goes by. The keys themselves are not looked at.

use std::{
    cell::Cell,
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

thread_local! {
    /// Profile of the handshake that completed last on this thread. str0m reports `Connected` in the
    /// same call that passes the keying material, so the session that asks next is the one.
    static AGREED: Cell<Option<SrtpProfile>> = const { Cell::new(None) };
}

/// The profile agreed by the handshake that completed just now on this thread.
pub(crate) fn take_agreed_profile() -> Option<SrtpProfile> {
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
        let output = self.0.poll_output(buf);
        if let DtlsOutput::KeyingMaterial(_, profile) = &output {
            AGREED.set(Some(*profile));
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
