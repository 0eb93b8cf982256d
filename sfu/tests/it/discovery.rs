//! The public address, asked of a STUN server.

use std::{net::SocketAddr, time::Duration};

use tokio::net::UdpSocket;
use weir_rtp::stun;
use weir_sfu::SfuConfig;

use crate::{STREAM, client, client::Codec, publisher, start_with};

#[tokio::test]
async fn the_address_that_a_server_sees_is_advertised() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let (sfu, mut events) = start_with(SfuConfig {
        // The first never answers.
        discover: vec!["127.0.0.1:9".to_owned(), address.to_string()],
        shards: 2,
        ..SfuConfig::default()
    });
    let port = sfu.media_addr().port();
    let responder = tokio::spawn(async move {
        let mut buffer = [0; 1_500];
        loop {
            let (len, from) = server.recv_from(&mut buffer).await.unwrap();
            let request = stun::Message::parse(&buffer[..len]).unwrap();
            assert!(request.is_request() && from.port() == port);
            let seen = SocketAddr::from(([203, 0, 113, 9], from.port()));
            // One that is not the answer, then the answer.
            for (transaction, seen) in [
                ([0; 12], SocketAddr::from(([192, 0, 2, 66], 1))),
                (request.transaction(), seen),
            ] {
                let response = stun::binding_response(&transaction, seen);
                server.send_to(&response, from).await.unwrap();
            }
        }
    });
    let publishing = publisher(&sfu, &mut events).await;
    let answer = async || {
        sfu.view(STREAM, client::offer(Codec::Vp8))
            .await
            .unwrap()
            .answer
    };
    let found = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let answer = answer().await;
            if answer.contains("203.0.113.9") {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    let candidates: Vec<&str> = found
        .lines()
        .filter(|line| line.starts_with("a=candidate:"))
        .collect();
    let own = format!("127.0.0.1 {port} typ host");
    let public = format!("203.0.113.9 {port} typ host");
    let in_order = [
        (" udp ", &own),
        (" udp ", &public),
        (" tcp ", &own),
        (" tcp ", &public),
    ];
    assert_eq!(candidates.len(), 4, "{found}");
    for (line, (proto, end)) in candidates.iter().zip(in_order) {
        assert!(
            line.contains(proto) && line.contains(end.as_str()),
            "{line}"
        );
    }
    assert!(!found.contains("192.0.2.66"));
    responder.abort();
    drop(publishing);
    sfu.shutdown().await;
}
