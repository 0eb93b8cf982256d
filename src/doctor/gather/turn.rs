//! Getting an allocation from our TURN server, over whatever carries it.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::UdpSocket,
};
use weir_turn::{
    credentials::Credentials,
    probe::{Answer, Probe},
    server::framing::Deframer,
};

use super::ports::exchange;

/// Why there is no allocation.
fn refused(code: u16) -> String {
    format!("it refuses an allocation with error {code}")
}

pub async fn over_udp(address: SocketAddr, credentials: &Credentials) -> Result<(), String> {
    let socket = super::ports::udp(address)
        .await
        .map_err(|error| error.to_string())?;
    let (mut probe, mut request) = Probe::new(credentials);
    loop {
        let answer = exchange(&socket, &request, |bytes| probe.handle(bytes)).await?;
        match answer {
            Answer::Ask(next) => request = next,
            Answer::Refused(code) => return Err(refused(code)),
            Answer::Allocated { release, .. } => return give_back(&socket, &release).await,
        }
    }
}

/// What is not given back ends by itself, after minutes.
async fn give_back(socket: &UdpSocket, release: &[u8]) -> Result<(), String> {
    let _ = socket.send(release).await;
    Ok(())
}

pub async fn over_stream(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    credentials: &Credentials,
) -> Result<(), String> {
    let (mut probe, mut request) = Probe::new(credentials);
    let mut deframer = Deframer::default();
    let broken = |error: std::io::Error| error.to_string();
    loop {
        request.resize(request.len().next_multiple_of(4), 0);
        stream.write_all(&request).await.map_err(broken)?;
        let answer = loop {
            let message = deframer.message().map_err(|_| "it does not speak TURN")?;
            if let Some(answer) = message.and_then(|message| probe.handle(message)) {
                break answer;
            }
            let mut buffer = [0; 1_024];
            let len = stream.read(&mut buffer).await.map_err(broken)?;
            if len == 0 {
                return Err("it closes the connection".to_owned());
            }
            deframer.push(&buffer[..len]);
        };
        match answer {
            Answer::Ask(next) => request = next,
            Answer::Refused(code) => return Err(refused(code)),
            Answer::Allocated { release, .. } => {
                // The end of the connection ends the allocation too.
                let _ = stream.write_all(&release).await;
                return Ok(());
            }
        }
    }
}
