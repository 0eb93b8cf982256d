//! A connection's bytes: with those in front that were read already, and with an end to the patience
//! with clients that take nothing.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use crate::{activity::Activity, limits::Limits};

/// A stream whose first bytes were read already.
#[derive(Debug)]
pub(crate) struct Prefixed<S> {
    prefix: Bytes,
    inner: S,
}

impl<S> Prefixed<S> {
    pub(crate) fn new(prefix: Bytes, inner: S) -> Self {
        Self { prefix, inner }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Prefixed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.inner).poll_read(context, buffer);
        }
        let taken = self.prefix.len().min(buffer.remaining());
        buffer.put_slice(&self.prefix[..taken]);
        self.prefix.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Prefixed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// A stream that tells its [`Activity`] what comes, and fails when its client takes too little of what
/// is written. It holds the connection's place among all.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    inner: S,
    activity: Arc<Activity>,
    patience: Duration,
    pressed: Option<Pressed>,
}

/// Since not all was taken.
#[derive(Debug)]
struct Pressed {
    until: Pin<Box<Sleep>>,
    taken: usize,
}

impl<S> Watched<S> {
    pub(crate) fn new(inner: S, activity: Arc<Activity>, patience: Duration) -> Self {
        Self {
            inner,
            activity,
            patience,
            pressed: None,
        }
    }

    /// What a write came to, with the client's time running while it does not take all.
    fn wrote(
        &mut self,
        context: &mut Context<'_>,
        wanted: usize,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Ok(len)) if len >= wanted => self.pressed = None,
            Poll::Ready(Ok(len)) => {
                let pressed = self.press();
                pressed.taken += len;
                if pressed.taken >= Limits::PROGRESS {
                    self.pressed = None;
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                ready!(self.press().until.as_mut().poll(context));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        result
    }

    fn press(&mut self) -> &mut Pressed {
        let patience = self.patience;
        self.pressed.get_or_insert_with(|| Pressed {
            until: Box::pin(sleep(patience)),
            taken: 0,
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.activity.read();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.wrote(context, bytes.len(), result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        let wanted = slices.iter().map(|slice| slice.len()).sum();
        self.wrote(context, wanted, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::IpAddr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;
    use crate::census::Census;

    fn activity() -> Arc<Activity> {
        let census = Arc::new(Census::new(Limits::default()));
        Activity::new(census.admit(IpAddr::from([192, 0, 2, 1]), false).unwrap())
    }

    #[tokio::test]
    async fn what_was_read_comes_first() {
        let (client, server) = duplex(64);
        let mut server = Prefixed::new(Bytes::from_static(b"GET "), server);
        let mut client = client;
        client.write_all(b"/ HTTP").await.unwrap();
        drop(client);
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "GET / HTTP");
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_cut() {
        let (_client, server) = duplex(1024);
        let mut server = Watched::new(server, activity(), Duration::from_secs(60));
        let began = tokio::time::Instant::now();
        let error = server.write_all(&[0; 4096]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= Duration::from_secs(60));
    }

    #[tokio::test(start_paused = true)]
    async fn a_trickle_is_not_enough_and_a_slow_network_is() {
        for (taken, every, enough) in [(64, 5, false), (8 * 1024, 20, true)] {
            let (mut client, server) = duplex(8 * 1024);
            let mut server = Watched::new(server, activity(), Duration::from_secs(60));
            let reader = tokio::spawn(async move {
                let mut buffer = vec![0; taken];
                while client.read_exact(&mut buffer).await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(every)).await;
                }
            });
            let written = server.write_all(&[0; 100_000]).await;
            assert_eq!(written.is_ok(), enough, "{taken} bytes in {every} s");
            reader.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_between_answers_costs_nothing() {
        let (mut client, server) = duplex(1024);
        let mut server = Watched::new(server, activity(), Duration::from_secs(60));
        let reader = tokio::spawn(async move {
            let mut all = Vec::new();
            client.read_to_end(&mut all).await.unwrap();
            all.len()
        });
        for _ in 0..3 {
            server.write_all(&[0; 3000]).await.unwrap();
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
        drop(server);
        assert_eq!(reader.await.unwrap(), 9000);
    }
}
