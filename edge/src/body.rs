//! Bodies of requests and answers, with the time that they may take.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt as _, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{activity::InFlight, limits::Limits};

/// What a handler's body may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The client sent its request's body too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the request's body came too slowly")]
struct TooSlow;

/// The body of a request. Fails when the client takes too long: what it is waited for in all is limited
/// to [`Limits::body`] and the time that its bytes have at [`Limits::body_rate`]. The time that a handler
/// takes between two reads is not the client's.
#[derive(Debug)]
pub struct RequestBody<B = Incoming> {
    inner: B,
    grace: Duration,
    rate: u64,
    received: u64,
    waited: Duration,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    until: Pin<Box<Sleep>>,
}

impl<B> RequestBody<B> {
    pub(crate) fn new(inner: B, limits: &Limits) -> Self {
        Self {
            inner,
            grace: limits.body,
            rate: limits.body_rate.max(1),
            received: 0,
            waited: Duration::ZERO,
            waiting: None,
        }
    }

    fn left(&self) -> Duration {
        let earned = Duration::from_millis(self.received.saturating_mul(1_000) / self.rate);
        (self.grace + earned).saturating_sub(self.waited)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for RequestBody<B>
where
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(frame) => {
                if let Some(waiting) = self.waiting.take() {
                    self.waited += waiting.since.elapsed();
                }
                if let Some(Ok(frame)) = &frame
                    && let Some(data) = frame.data_ref()
                {
                    self.received += data.len() as u64;
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                let left = self.left();
                let waiting = self.waiting.get_or_insert_with(|| {
                    let since = Instant::now();
                    let until = Box::pin(sleep_until(since + left));
                    Waiting { since, until }
                });
                ready!(waiting.until.as_mut().poll(context));
                Poll::Ready(Some(Err(TooSlow.into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of an answer. While it is there, its request is in flight.
#[derive(Debug)]
pub struct ResponseBody {
    inner: UnsyncBoxBody<Bytes, BoxError>,
    in_flight: Option<InFlight>,
}

impl ResponseBody {
    /// A handler's.
    pub fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self {
            inner: body.map_err(Into::into).boxed_unsync(),
            in_flight: None,
        }
    }

    /// A few words.
    pub(crate) fn text(text: impl Into<Bytes>) -> Self {
        Self::new(http_body_util::Full::new(text.into()))
    }

    pub(crate) fn belongs_to(mut self, in_flight: InFlight) -> Self {
        self.in_flight = Some(in_flight);
        self
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(in_flight) = &self.in_flight {
            in_flight.asked();
        }
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        match (&self.in_flight, &frame) {
            (Some(in_flight), Some(_)) => in_flight.gave(),
            (_, None) => self.in_flight = None,
            (None, Some(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use http_body_util::channel::Channel;

    use super::*;

    const CHUNK: Bytes = Bytes::from_static(&[7; 1000]);

    fn body() -> (
        http_body_util::channel::Sender<Bytes>,
        RequestBody<Channel<Bytes>>,
    ) {
        let (sender, body) = Channel::new(1);
        (sender, RequestBody::new(body, &Limits::default()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_ends() {
        let (mut sender, mut body) = body();
        let client = tokio::spawn(async move {
            while sender.send_data(CHUNK.slice(..10)).await.is_ok() {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        });
        let began = Instant::now();
        let error = loop {
            if let Err(error) = body.frame().await.unwrap() {
                break error;
            }
        };
        assert!(error.is::<TooSlow>());
        assert!(began.elapsed() < Limits::default().body * 2);
        client.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_network_and_a_slow_handler_are_fine() {
        let (mut sender, mut body) = body();
        let client = tokio::spawn(async move {
            // Twice the least rate, for five minutes.
            for _ in 0..2_400 {
                sender.send_data(CHUNK).await.unwrap();
                tokio::time::sleep(Duration::from_millis(125)).await;
            }
        });
        let mut received = 0;
        while let Some(frame) = body.frame().await {
            received += frame.unwrap().data_ref().unwrap().len();
            if received == 2_000 {
                tokio::time::sleep(Duration::from_secs(3_600)).await;
            }
        }
        assert_eq!(received, 2_400_000);
        client.await.unwrap();
    }
}
