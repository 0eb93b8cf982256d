//! What ICE says in signalling: parameters, candidates, and the answer to a restart.

use std::{fmt, net::SocketAddr};

use str0m::{Candidate, IceCreds, net::TcpType};

use crate::outbox::Via;

/// A user name fragment and a password (RFC 8839 section 5.4).
#[derive(Clone, PartialEq, Eq)]
pub struct IceParameters {
    /// `ice-ufrag`: 4 to 256 characters of RFC 8839's `ice-char`.
    pub ufrag: String,
    /// `ice-pwd`: 22 to 256 such characters.
    pub pwd: String,
}

impl IceParameters {
    /// The first pair in a session description or a fragment of one. None when either is missing.
    pub fn find(sdp: &str) -> Option<Self> {
        let value = |name: &str| {
            let mut lines = sdp.lines();
            lines.find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
        };
        Some(Self {
            ufrag: value("a=ice-ufrag:")?,
            pwd: value("a=ice-pwd:")?,
        })
    }

    pub(crate) fn check(&self) -> Result<(), IceRestartError> {
        let ice_char = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
        for (name, value, least) in [("ice-ufrag", &self.ufrag, 4), ("ice-pwd", &self.pwd, 22)] {
            if !(least..=256).contains(&value.len()) || !value.chars().all(ice_char) {
                return Err(IceRestartError::Malformed(format!(
                    "{name} must be {least} to 256 letters, digits, + or /"
                )));
            }
        }
        Ok(())
    }

    pub(crate) fn credentials(&self) -> IceCreds {
        IceCreds {
            ufrag: self.ufrag.clone(),
            pass: self.pwd.clone(),
        }
    }
}

impl fmt::Debug for IceParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceParameters")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

/// Our side of a restart.
#[derive(Clone, PartialEq, Eq)]
pub struct IceAnswer {
    /// Which restart of the session it is, from 1: the same for a request that was sent twice.
    pub generation: u32,
    /// Our new fragment.
    pub ufrag: String,
    /// Our new password.
    pub pwd: String,
    /// `candidate:…` lines without the leading `a=`, all there will be.
    pub candidates: Vec<String>,
}

impl fmt::Debug for IceAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceAnswer")
            .field("generation", &self.generation)
            .field("ufrag", &self.ufrag)
            .field("candidates", &self.candidates)
            .finish_non_exhaustive()
    }
}

/// Why a restart was not accepted. The session goes on as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IceRestartError {
    /// HTTP 404.
    #[error("there is no such session")]
    NoSuchSession,
    /// HTTP 400.
    #[error("the ICE parameters are not usable: {0}")]
    Malformed(String),
    /// The parameters are those that the session has: this is no restart (RFC 8445 section 9).
    #[error("these are the session's present ICE parameters; a restart needs new ones")]
    Unchanged,
    /// HTTP 503.
    #[error("the media plane cannot restart ICE now: {0}")]
    Unavailable(&'static str),
}

/// Our addresses as peers are told them.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    pub(crate) udp: Vec<SocketAddr>,
    /// RFC 6544: we listen, the peer connects.
    pub(crate) tcp: Vec<SocketAddr>,
}

impl Candidates {
    /// UDP before TCP, so that peers prefer it.
    pub(crate) fn list(&self) -> impl Iterator<Item = Candidate> {
        let udp = self.udp.iter().map(|address| {
            let candidate = Candidate::builder().udp();
            candidate.host(*address).build()
        });
        let tcp = self.tcp.iter().map(|address| {
            let candidate = Candidate::builder().tcp().host(*address);
            candidate.tcptype(TcpType::Passive).build()
        });
        udp.chain(tcp).flatten()
    }

    /// The candidate that a local address stands for: behind NAT the two differ.
    pub(crate) fn of_local(&self, local: SocketAddr, via: Via) -> SocketAddr {
        let candidates = match via {
            Via::Tcp => &self.tcp,
            Via::Udp | Via::Relay => &self.udp,
        };
        if candidates.contains(&local) {
            return local;
        }
        let family = candidates.iter().find(|c| c.is_ipv4() == local.is_ipv4());
        family.or(candidates.first()).copied().unwrap_or(local)
    }

    /// Candidate lines of a new generation (RFC 8839 section 5.1). The priorities are those of RFC
    /// 8445 section 5.1.2.1, where TCP's type preference is below UDP's as in browsers.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |number: usize, kind: u32, index: usize, address: &SocketAddr| {
            let preference = 65_535_u32.saturating_sub(index as u32);
            let priority = kind << 24 | preference << 8 | 255;
            let (ip, port) = (address.ip(), address.port());
            let (proto, role) = match kind {
                UDP_HOST => ("udp", ""),
                _ => ("tcp", " tcptype passive"),
            };
            format!("candidate:{number} 1 {proto} {priority} {ip} {port} typ host{role}")
        };
        let udp = self.udp.iter().map(|address| (UDP_HOST, address));
        let all = udp.chain(self.tcp.iter().map(|address| (TCP_HOST, address)));
        all.enumerate()
            .map(|(index, (kind, address))| line(index + 1, kind, index, address))
            .collect()
    }
}

/// Type preference of a UDP host candidate (RFC 8445 section 5.1.2.2).
const UDP_HOST: u32 = 126;

/// Type preference of a TCP host candidate, as libwebrtc has it.
const TCP_HOST: u32 = 90;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_and_checked() {
        let sdp =
            "v=0\r\nm=audio 9 X 0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n";
        let found = IceParameters::find(sdp).unwrap();
        assert_eq!((&*found.ufrag, found.check()), ("EsAw", Ok(())));
        assert!(
            !format!("{found:?}").contains("P2uY"),
            "no password in logs"
        );
        assert!(IceParameters::find("a=ice-ufrag:EsAw").is_none());
        for (ufrag, pwd) in [
            ("abc", "P2uYro0UCOQ4zxjKXaWCBui1"),
            ("abcd", "short"),
            ("ab:d", "P2uYro0UCOQ4zxjKXaWCBui1"),
        ] {
            let (ufrag, pwd) = (ufrag.to_owned(), pwd.to_owned());
            assert!(IceParameters { ufrag, pwd }.check().is_err());
        }
    }

    #[test]
    fn candidates_read_as_their_sdp() {
        let address = |text: &str| text.parse().unwrap();
        let candidates = Candidates {
            udp: vec![address("192.0.2.1:7882"), address("[2001:db8::1]:7882")],
            tcp: vec![address("192.0.2.1:7882")],
        };
        let lines = candidates.lines();
        let parsed: Vec<Candidate> = lines
            .iter()
            .map(|line| Candidate::from_sdp_string(line).unwrap())
            .collect();
        assert_eq!(parsed.len(), 3);
        assert!(parsed.windows(2).all(|p| p[0].prio() > p[1].prio()));
        assert_eq!(parsed[2].tcptype(), Some(TcpType::Passive));
        assert_eq!(candidates.list().count(), 3);
        assert_eq!(
            candidates.of_local(address("10.0.0.1:7882"), Via::Tcp),
            address("192.0.2.1:7882")
        );
        assert_eq!(
            candidates.of_local(address("[fe80::1]:7882"), Via::Relay),
            address("[2001:db8::1]:7882")
        );
    }
}
