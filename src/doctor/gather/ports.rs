//! Asking services where they should answer, in the protocol of each.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use weir_turn::credentials::Credentials;

use super::{Ice, tls, turn};
use crate::{
    config::Config,
    doctor::facts::{Addresses, Place, Port, PortFacts, Service, Try},
};

/// For one service at one address. On one machine everything answers at once; through a router, soon.
const PATIENCE: Duration = Duration::from_secs(2);

/// After which a datagram is sent again.
const AGAIN: Duration = Duration::from_millis(500);

/// Longest datagram that is looked at.
const MAX_DATAGRAM: usize = 1_500;

/// What a client says first in RTMP: version 3, then a time and zeroes (C0 and C1).
const RTMP_HELLO: usize = 1 + 1_536;

/// Something that listens, and where.
#[derive(Debug, Clone, Copy)]
pub struct Listening {
    pub service: Service,
    pub address: SocketAddr,
    /// Clients elsewhere reach it at the addresses that they are told for media.
    pub public: bool,
}

/// What is needed to ask.
pub struct Asking<'a> {
    /// None when the media plane gave none.
    pub ice: Result<Ice, String>,
    /// For our TURN server.
    pub credentials: Credentials,
    /// The name that HTTPS is asked for.
    pub name: &'a str,
}

/// Everything that these settings let listen, ports of 0 left out.
pub fn listening(config: &Config) -> Vec<Listening> {
    let of = |service, address: Option<SocketAddr>, public| {
        let address = address.filter(|address| address.port() != 0)?;
        Some(Listening {
            service,
            address,
            public,
        })
    };
    // Behind a proxy, and beside HTTPS, nobody elsewhere has to reach plain HTTP.
    let proxied = config.http.proxies().is_ok_and(|it| !it.is_empty());
    let plain = !proxied && config.tls.listen.is_none();
    let media = Some(config.media.udp);
    let turn = config.turn_listen().map(|(listen, _)| listen);
    let turn_tls = config.tls.listen.filter(|_| turn.is_some());
    let all = [
        of(Service::Http, Some(config.http.listen), plain),
        of(Service::Https, config.tls.listen, !proxied),
        of(Service::Rtmp, Some(config.rtmp.listen), true),
        of(Service::Rtmps, config.rtmps.listen, true),
        of(Service::MediaUdp, media, true),
        of(Service::MediaTcp, media.filter(|_| config.media.tcp), true),
        of(Service::TurnUdp, turn, true),
        of(Service::TurnTcp, turn, true),
        of(Service::TurnTls, turn_tls, true),
    ];
    all.into_iter().flatten().collect()
}

/// Asks them all at once, wherever they should answer.
pub async fn try_ports(
    services: &[Listening],
    addresses: &Addresses,
    asking: &Asking<'_>,
) -> Vec<PortFacts> {
    let ports = services.iter().map(|it| async move {
        let tries = places(it, addresses).into_iter();
        let tries = tries.map(|(address, place)| async move {
            let asked = timeout(PATIENCE, ask(it.service, address, asking)).await;
            Try {
                address,
                place,
                answered: asked.unwrap_or_else(|_| Err("no answer".to_owned())),
            }
        });
        PortFacts {
            service: it.service,
            port: Port::Tried(join_all(tries).await),
        }
    });
    join_all(ports).await
}

/// Tries to have each port, and gives it back.
pub async fn free_ports(config: &Config) -> Vec<PortFacts> {
    let mut ports = Vec::new();
    for Listening {
        service, address, ..
    } in listening(config)
    {
        let had = match service {
            // The port of HTTPS.
            Service::TurnTls => continue,
            Service::MediaUdp | Service::TurnUdp => udp_port(address),
            _ => weir_edge::listen(address).map(drop),
        };
        let port = match had {
            Ok(()) => Port::Free(address),
            Err(error) => Port::Taken(address, error.to_string()),
        };
        ports.push(PortFacts { service, port });
    }
    ports
}

fn udp_port(address: SocketAddr) -> std::io::Result<()> {
    let bound = std::net::UdpSocket::bind(address);
    let any6 = address.is_ipv6() && address.ip().is_unspecified();
    match bound {
        Err(error) if any6 && error.kind() != std::io::ErrorKind::AddrInUse => {
            let any4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            std::net::UdpSocket::bind(any4).map(drop)
        }
        bound => bound.map(drop),
    }
}

/// Where a service must answer.
fn places(listening: &Listening, addresses: &Addresses) -> Vec<(SocketAddr, Place)> {
    let Addresses { told, own } = addresses;
    let listen = listening.address;
    let everywhere = listen.ip().is_unspecified();
    // `[::]` takes IPv4 too.
    let here: IpAddr = match everywhere {
        true => Ipv4Addr::LOCALHOST.into(),
        false => listen.ip(),
    };
    let mut places = vec![(SocketAddr::new(here, listen.port()), Place::Here)];
    let media = matches!(listening.service, Service::MediaUdp | Service::MediaTcp);
    // Who listens on one address only is not meant to answer at others, but for media, where clients are
    // told to send to these.
    if !listening.public || !(everywhere || media) {
        return places;
    }
    for ip in told {
        let fits = ip.is_ipv4() || listen.is_ipv6();
        if *ip == here || !fits {
            continue;
        }
        let place = match own.contains(ip) || ip.is_loopback() {
            true => Place::Own,
            false => Place::Elsewhere,
        };
        places.push((SocketAddr::new(*ip, listen.port()), place));
    }
    places
}

async fn ask(service: Service, address: SocketAddr, asking: &Asking<'_>) -> Result<(), String> {
    match service {
        Service::Http => http(tcp(address).await?).await,
        Service::Https => http(tls::connect(tcp(address).await?, asking.name).await?).await,
        Service::Rtmp => rtmp(tcp(address).await?).await,
        Service::Rtmps => rtmp(tls::connect(tcp(address).await?, asking.name).await?).await,
        Service::MediaUdp => {
            let ice = asking.ice.as_ref().map_err(Clone::clone)?;
            let socket = udp(address).await.map_err(|error| error.to_string())?;
            let (check, transaction) = ice.check();
            let is_answer = |bytes: &[u8]| ice.is_answer(&transaction, bytes).then_some(());
            exchange(&socket, &check, is_answer).await
        }
        Service::MediaTcp => {
            let ice = asking.ice.as_ref().map_err(Clone::clone)?;
            framed_check(tcp(address).await?, ice).await
        }
        Service::TurnUdp => turn::over_udp(address, &asking.credentials).await,
        Service::TurnTcp => turn::over_stream(tcp(address).await?, &asking.credentials).await,
        Service::TurnTls => {
            let stream = tls::connect(tcp(address).await?, asking.name).await?;
            turn::over_stream(stream, &asking.credentials).await
        }
    }
}

async fn tcp(address: SocketAddr) -> Result<TcpStream, String> {
    let connected = TcpStream::connect(address).await;
    connected.map_err(|error| error.to_string())
}

/// A socket that speaks to this address only.
pub(super) async fn udp(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(address).await?;
    Ok(socket)
}

/// Sends until an answer comes. Whoever calls limits the time.
pub(super) async fn exchange<T>(
    socket: &UdpSocket,
    request: &[u8],
    mut read: impl FnMut(&[u8]) -> Option<T>,
) -> Result<T, String> {
    let mut buffer = [0; MAX_DATAGRAM];
    loop {
        socket
            .send(request)
            .await
            .map_err(|error| error.to_string())?;
        let answer = timeout(AGAIN, async {
            loop {
                let len = socket.recv(&mut buffer).await?;
                if let Some(answer) = read(&buffer[..len]) {
                    return Ok::<T, std::io::Error>(answer);
                }
            }
        });
        match answer.await {
            Ok(answer) => return answer.map_err(|error| error.to_string()),
            Err(_) => continue,
        }
    }
}

async fn http(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), String> {
    const QUESTION: &[u8] =
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    const ANSWER: &[u8] = b"HTTP/1.1 ";
    let mut begin = [0; ANSWER.len()];
    let read = async {
        stream.write_all(QUESTION).await?;
        stream.read_exact(&mut begin).await
    };
    read.await.map_err(|error| error.to_string())?;
    match begin == ANSWER {
        true => Ok(()),
        false => Err("it does not speak HTTP".to_owned()),
    }
}

async fn rtmp(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), String> {
    let mut hello = vec![0; RTMP_HELLO];
    hello[0] = 3;
    let read = async {
        stream.write_all(&hello).await?;
        stream.read_u8().await
    };
    match read.await {
        Ok(3) => Ok(()),
        Ok(_) => Err("it does not speak RTMP".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A connectivity check behind its length (RFC 4571).
async fn framed_check(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    ice: &Ice,
) -> Result<(), String> {
    let (check, transaction) = ice.check();
    let length = u16::try_from(check.len()).unwrap_or_default();
    let read = async {
        let framed = [&length.to_be_bytes()[..], &check].concat();
        stream.write_all(&framed).await?;
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = read.await.map_err(|error| error.to_string())?;
    match ice.is_answer(&transaction, &answer) {
        true => Ok(()),
        false => Err("it does not speak ICE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(service: Service, listen: &str, told: &[&str]) -> Vec<(String, Place)> {
        let listening = Listening {
            service,
            address: listen.parse().unwrap(),
            public: true,
        };
        let addresses = Addresses {
            told: told.iter().map(|ip| ip.parse().unwrap()).collect(),
            own: vec!["10.0.0.5".parse().unwrap()],
        };
        let found = places(&listening, &addresses).into_iter();
        found.map(|(at, place)| (at.to_string(), place)).collect()
    }

    #[test]
    fn a_service_must_answer_where_clients_are_told() {
        let here = ("127.0.0.1:1935".to_owned(), Place::Here);
        let own = ("10.0.0.5:1935".to_owned(), Place::Own);
        let elsewhere = ("203.0.113.1:1935".to_owned(), Place::Elsewhere);
        let told = ["10.0.0.5", "203.0.113.1", "2001:db8::1"];
        assert_eq!(
            at(Service::Rtmp, "0.0.0.0:1935", &told),
            [here.clone(), own, elsewhere.clone()]
        );
        assert_eq!(
            at(Service::Rtmp, "127.0.0.1:1935", &told),
            std::slice::from_ref(&here),
            "a proxy stands in front of it"
        );
        assert_eq!(
            at(Service::MediaUdp, "127.0.0.1:1935", &["203.0.113.1"]),
            [here, elsewhere],
            "clients would send there"
        );
    }

    #[test]
    fn what_is_proxied_is_not_asked_for_from_outside() {
        let mut config = Config::default();
        let public = |config: &Config| -> Vec<Service> {
            let all = listening(config).into_iter();
            all.filter(|it| it.public).map(|it| it.service).collect()
        };
        assert!(public(&config).contains(&Service::Http));
        config.http.behind_proxy = true;
        assert!(!public(&config).contains(&Service::Http));
        assert!(public(&config).contains(&Service::TurnTcp));
        config.turn.enabled = false;
        assert!(!public(&config).contains(&Service::TurnTcp));
    }
}
