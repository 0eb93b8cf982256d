//! Asking STUN servers from one port, as which address and port they see it.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{
    net::{UdpSocket, lookup_host},
    time::{Instant, timeout, timeout_at},
};
use weir_rtp::stun;

use crate::doctor::facts::Stun;

/// Most servers that are asked.
const MAX_SERVERS: usize = 8;

/// For all answers, and between two questions: UDP loses some.
const PATIENCE: Duration = Duration::from_millis(1_500);
const AGAIN: Duration = Duration::from_millis(400);

/// Longest answer that is looked at.
const MAX_ANSWER: usize = 548;

/// Asks them all, each family of addresses from one port of its own.
pub async fn ask_stun(servers: Vec<String>) -> Stun {
    let found = servers.iter().take(MAX_SERVERS).map(|server| async move {
        let found = timeout(PATIENCE, lookup_host(server)).await;
        found.ok().and_then(Result::ok).map(Vec::from_iter)
    });
    let found: Vec<Vec<SocketAddr>> = join_all(found).await.into_iter().flatten().collect();
    let mut seen = Vec::new();
    for v4 in [true, false] {
        // One address of each server: two servers are two targets.
        let first = |of: &Vec<SocketAddr>| of.iter().find(|it| it.is_ipv4() == v4).copied();
        let mut targets: Vec<SocketAddr> = found.iter().filter_map(first).collect();
        targets.sort_unstable();
        targets.dedup();
        seen.extend(ask(v4, &targets).await.unwrap_or_default());
    }
    Stun { servers, seen }
}

async fn ask(v4: bool, targets: &[SocketAddr]) -> std::io::Result<Vec<SocketAddr>> {
    let any: SocketAddr = match v4 {
        true => (Ipv4Addr::UNSPECIFIED, 0).into(),
        false => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let mut waiting: Vec<(SocketAddr, stun::Transaction)> = targets
        .iter()
        .map(|target| (*target, rand::random()))
        .collect();
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let socket = UdpSocket::bind(any).await?;
    let mut seen = Vec::new();
    let end = Instant::now() + PATIENCE;
    let mut buffer = [0; MAX_ANSWER];
    while !waiting.is_empty() && Instant::now() < end {
        for (target, transaction) in &waiting {
            // One that cannot be reached does not answer either.
            let _ = socket
                .send_to(&stun::binding_request(transaction), target)
                .await;
        }
        let until = end.min(Instant::now() + AGAIN);
        while !waiting.is_empty() {
            let (len, source) = match timeout_at(until, socket.recv_from(&mut buffer)).await {
                Ok(Ok(datagram)) => datagram,
                // The network said that somebody cannot be reached; the others may.
                Ok(Err(_)) => continue,
                Err(_) => break,
            };
            let Some(message) = stun::Message::parse(&buffer[..len]) else {
                continue;
            };
            let asked = |(target, transaction): &(SocketAddr, stun::Transaction)| {
                *target == source && *transaction == message.transaction()
            };
            if let (Some(at), Some(own)) =
                (waiting.iter().position(asked), message.mapped_address())
                && message.is_success()
            {
                waiting.remove(at);
                seen.push(own);
            }
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Says that everybody comes from this address, if from any.
    async fn server(says: Option<SocketAddr>) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 100];
            loop {
                let (len, source) = socket.recv_from(&mut buffer).await.unwrap();
                let message = stun::Message::parse(&buffer[..len]).unwrap();
                assert!(message.is_request());
                if let Some(says) = says {
                    let answer = stun::binding_response(&message.transaction(), says);
                    socket.send_to(&answer, source).await.unwrap();
                }
            }
        });
        address.to_string()
    }

    #[tokio::test]
    async fn each_server_says_what_it_sees() {
        let (one, other) = ("203.0.113.1:1000", "203.0.113.1:1001");
        let servers = vec![
            server(Some(one.parse().unwrap())).await,
            server(Some(other.parse().unwrap())).await,
            server(None).await,
            "nowhere.invalid:3478".to_owned(),
        ];
        let Stun { servers, mut seen } = ask_stun(servers).await;
        seen.sort_unstable();
        assert_eq!(servers.len(), 4);
        let both: [SocketAddr; 2] = [one.parse().unwrap(), other.parse().unwrap()];
        assert_eq!(seen, both);
    }
}
