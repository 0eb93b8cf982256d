//! A DTLS 1.2 server by webrtc-rs's `rtc-dtls` behind str0m's interface.

use std::{
    collections::VecDeque,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use rtc_dtls::{
    config::{ClientAuthType, ConfigBuilder},
    crypto::{Certificate, CryptoPrivateKey},
    crypto_provider::{
        CryptoError, RTCCryptoProvider, SignatureScheme, providers::AwsLcRsProvider,
    },
    endpoint::{Endpoint, EndpointEvent},
    extension::extension_use_srtp::SrtpProtectionProfile,
};
use rtc_shared::{TransportProtocol, error::Error};
use str0m::{
    config::{DtlsCert, KeyingMaterial},
    crypto::dtls::{DtlsImplError, DtlsInstance, DtlsOutput, ProtocolVersion, SrtpProfile},
};

/// The label of what is exported for SRTP (RFC 5764 section 4.2).
const SRTP_LABEL: &str = "EXTRACTOR-dtls_srtp";

/// What an unanswered flight waits. Peers are a round trip away.
const FLIGHT_INTERVAL: Duration = Duration::from_millis(250);

/// ICE says where datagrams go; to the endpoint, the peer is one address.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// The server's side of one association.
pub(super) struct Server {
    /// Never locked: what str0m holds must be `Sync`, and the endpoint is not.
    endpoint: Mutex<Endpoint>,
    now: Instant,
    ready: VecDeque<Ready>,
    connected: bool,
    over: bool,
}

enum Ready {
    Packet(BytesMut),
    Connected,
    Certificate(Bytes),
    Keys(Vec<u8>, SrtpProfile),
    Data(BytesMut),
    Closed,
}

impl Server {
    /// Fails where the certificate's key is none that this server signs with.
    pub(super) fn new(cert: &DtlsCert, now: Instant, mtu: usize) -> Result<Self, Error> {
        let provider: Arc<dyn RTCCryptoProvider> = Arc::new(AwsLcRsProvider::new());
        let failed = |error: CryptoError| Error::Crypto(error.to_string());
        let signing_key = provider
            .crypto()
            .import_signing_key(SignatureScheme::EcdsaP256Sha256, &cert.private_key)
            .map_err(failed)?;
        let certificate = Certificate {
            certificate: vec![cert.certificate.clone().into()],
            private_key: CryptoPrivateKey::from_signing_key(signing_key),
        };
        let config = ConfigBuilder::default()
            .with_crypto_provider(provider)
            .with_certificates(vec![certificate])
            .with_srtp_protection_profiles(vec![
                SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
                SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
                SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
            ])
            // Whose certificate it is, its fingerprint says, which str0m compares.
            .with_client_auth(ClientAuthType::RequireAnyClientCert)
            .with_flight_interval(FLIGHT_INTERVAL)
            .with_mtu(mtu)
            .build(false, None)?;
        let endpoint = Endpoint::new(PEER, TransportProtocol::UDP, Some(Arc::new(config)));
        Ok(Self {
            endpoint: Mutex::new(endpoint),
            now,
            ready: VecDeque::new(),
            connected: false,
            over: false,
        })
    }

    fn endpoint(&mut self) -> &mut Endpoint {
        let endpoint = self.endpoint.get_mut();
        endpoint.unwrap_or_else(PoisonError::into_inner)
    }

    fn gather(&mut self) {
        while let Some(transmit) = self.endpoint().poll_transmit() {
            self.ready.push_back(Ready::Packet(transmit.message));
        }
    }

    fn take(&mut self, event: EndpointEvent) -> Result<(), DtlsImplError> {
        match event {
            EndpointEvent::HandshakeComplete => {
                let agreed = self.agreed().ok_or(DtlsImplError::ConnectionClosed)?;
                self.connected = true;
                self.ready.push_back(Ready::Connected);
                self.ready.extend(agreed);
            }
            EndpointEvent::ApplicationData(data) => self.ready.push_back(Ready::Data(data)),
            EndpointEvent::PeerClosed => {
                self.over = true;
                self.ready.push_back(Ready::Closed);
            }
            _ => {}
        }
        Ok(())
    }

    /// The peer's certificate and the keys for SRTP.
    fn agreed(&mut self) -> Option<[Ready; 2]> {
        let state = self.endpoint().get_connection_state(PEER)?;
        let certificate = state.peer_certificates.first()?.clone();
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => SrtpProfile::AES128_CM_SHA1_80,
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => SrtpProfile::AEAD_AES_128_GCM,
            SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm => SrtpProfile::AEAD_AES_256_GCM,
            _ => return None,
        };
        let length = profile.keying_material_len();
        let keys = state.export_keying_material(SRTP_LABEL, &[], length).ok()?;
        let keys = keys.as_ref().to_vec();
        Some([
            Ready::Certificate(certificate.into()),
            Ready::Keys(keys, profile),
        ])
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Server");
        fields.field("connected", &self.connected);
        fields.finish_non_exhaustive()
    }
}

impl DtlsInstance for Server {
    fn set_active(&mut self, active: bool) {
        debug_assert!(!active, "a client's side is dimpl's");
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        if self.over {
            return Ok(());
        }
        let now = self.now;
        let read = self.endpoint().read(now, PEER, None, packet.into());
        self.gather();
        match read {
            Ok(events) => events.into_iter().try_for_each(|event| self.take(event)),
            Err(Error::ErrAlertFatalOrClose) => Err(DtlsImplError::ConnectionClosed),
            // Whoever can send to us could send this. A handshake that it stops is not gone on with.
            Err(error) => {
                tracing::debug!(%error, "DTLS record refused");
                Ok(())
            }
        }
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        let copy = |buf: &'a mut [u8], bytes: &[u8]| -> &'a [u8] {
            let len = bytes.len().min(buf.len());
            buf[..len].copy_from_slice(&bytes[..len]);
            &buf[..len]
        };
        match self.ready.pop_front() {
            Some(Ready::Packet(packet)) => DtlsOutput::Packet(copy(buf, &packet)),
            Some(Ready::Connected) => DtlsOutput::Connected,
            Some(Ready::Certificate(der)) => DtlsOutput::PeerCert(copy(buf, &der)),
            Some(Ready::Keys(keys, profile)) => {
                DtlsOutput::KeyingMaterial(KeyingMaterial::new(&keys), profile)
            }
            Some(Ready::Data(data)) => DtlsOutput::ApplicationData(copy(buf, &data)),
            Some(Ready::Closed) => DtlsOutput::CloseNotify,
            None => {
                let timer = self.endpoint().poll_timeout(&PEER);
                DtlsOutput::Timeout(timer.unwrap_or(self.now + Duration::from_secs(3_600)))
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
        self.now = now;
        // There is no association before the first datagram, and none after its end.
        if self.over || self.endpoint().poll_timeout(&PEER).is_none() {
            return Ok(());
        }
        let outcome = self.endpoint().handle_timeout(PEER, now);
        self.gather();
        outcome.map_err(|_| DtlsImplError::ConnectionClosed)
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        if !self.connected || self.over {
            return Ok(0);
        }
        let now = self.now;
        let written = self.endpoint().write(now, PEER, data);
        self.gather();
        written.map_err(|_| DtlsImplError::ConnectionClosed)?;
        Ok(data.len())
    }

    fn is_active(&self) -> bool {
        false
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.connected.then_some(ProtocolVersion::DTLS1_2)
    }

    fn is_closing(&self) -> bool {
        self.over
    }

    fn is_closed(&self) -> bool {
        self.over && self.ready.is_empty()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        if !self.over {
            self.over = true;
            let now = self.now;
            self.endpoint().stop(now, PEER);
            self.gather();
        }
        Ok(())
    }
}
