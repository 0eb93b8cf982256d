//! Slow and greedy clients, while honest ones go on.

use std::{
    io::ErrorKind,
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use weir_bench::server::Server;

use crate::program::{serve, until, weir};

/// Sends a byte of a request each second until the server closes; how long that took.
async fn trickle(server: &Server) -> Duration {
    let stream = TcpStream::connect(("127.0.0.1", server.http_port()));
    let (mut read, mut write) = stream.await.unwrap().into_split();
    let began = Instant::now();
    let writing = tokio::spawn(async move {
        let request = "GET / HTTP/1.1\r\nHost: x\r\nX-Long: ".bytes();
        for byte in request.chain(std::iter::repeat(b'x')) {
            if write.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let mut answer = Vec::new();
    let _ = read.read_to_end(&mut answer).await;
    writing.abort();
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_headers_are_cut_and_what_waits_lives_on() {
    let server = serve().await;
    let access = server.create_stream("live").unwrap();
    let mut encoder = std::process::Command::new("ffmpeg")
        .args(
            "-hide_banner -loglevel error -re -f lavfi -i testsrc2=size=320x180:rate=30".split(' '),
        )
        .args("-f lavfi -i sine -c:v libx264 -preset ultrafast -tune zerolatency -g 30".split(' '))
        .args("-pix_fmt yuv420p -c:a aac -f flv".split(' '))
        .arg(format!(
            "rtmp://{}/live/{}",
            server.rtmp_address().unwrap(),
            access.key
        ))
        .stdin(Stdio::null())
        .spawn()
        .expect("ffmpeg is installed by script/bootstrap --test");
    let playlist = format!("{}/hls/live/video0.m3u8", server.url());
    let text = |url: String| async move {
        let response = reqwest::get(url).await.unwrap();
        let ok = response.status().is_success();
        (ok, response.text().await.unwrap())
    };
    until("a playlist", || async { text(playlist.clone()).await.0 }).await;
    let events = format!("{}/api/v1/streams/live/events", server.url());
    let mut events = reqwest::get(events).await.unwrap();

    // As a player does: each request waits for media that does not exist yet.
    let blocking = async {
        let mut asked = 0;
        loop {
            let (_, now) = text(playlist.clone()).await;
            let count = now.matches("#EXTINF:").count();
            let first = now.split_once("#EXT-X-MEDIA-SEQUENCE:").unwrap().1;
            let first: usize = first.lines().next().unwrap().parse().unwrap();
            let url = format!("{playlist}?_HLS_msn={}", first + count + 1);
            let (ok, next) = text(url).await;
            assert!(ok, "a blocking request was cut: {next}");
            asked += 1;
            tokio::task::yield_now().await;
            if asked > 10_000 {
                panic!("nothing blocks");
            }
        }
    };
    let took = tokio::select! {
        took = trickle(&server) => took,
        () = blocking => unreachable!("it goes on for ever"),
    };
    assert!(took > Duration::from_secs(10), "{took:?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
    // Longer than any header may take, and nothing was said but comments.
    let heard = async {
        while let Some(chunk) = events.chunk().await.expect("the event stream goes on") {
            if !chunk.is_empty() {
                return;
            }
        }
        panic!("the event stream ended");
    };
    tokio::time::timeout(Duration::from_secs(60), heard)
        .await
        .unwrap();
    encoder.kill().unwrap();
    encoder.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_does_not_take_all_connections() {
    let limit = ("WEIR_HTTP_MAX_CONNECTIONS_PER_ADDRESS", "8");
    let server = Server::start_with(weir(), &[limit]).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..30 {
        let stream = TcpStream::connect(("127.0.0.1", server.http_port()));
        held.push(stream.await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let open = |stream: &TcpStream| {
        let read = stream.try_read(&mut [0; 8]);
        matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
    };
    let left = held.iter().filter(|stream| open(stream)).count();
    assert!((1..=8).contains(&left), "{left} stay");
    // Who asked whether the server is ready may have had a place, and let go of it since.
    while reqwest::get(server.url()).await.is_ok() {
        assert!(held.len() < 40, "there is always room");
        let stream = TcpStream::connect(("127.0.0.1", server.http_port()));
        held.push(stream.await.unwrap());
    }
    drop(held);
    until("room again", || async {
        reqwest::get(server.url()).await.is_ok()
    })
    .await;
}
