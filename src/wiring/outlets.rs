//! Who uses what workers make, beside viewers.

use futures_util::future::select_all;
use tokio::sync::watch;
use weir_bridge::{output::StreamSink, restream::Restreamer};
use weir_db::Stream;

/// All of them.
#[derive(Clone)]
pub struct Outlets {
    /// Sends streams elsewhere.
    pub restreamer: Restreamer,
}

impl Outlets {
    /// Where a broadcast of this stream also goes.
    pub fn open(&self, stream: &Stream) -> Vec<Box<dyn StreamSink>> {
        vec![self.restreamer.sink(stream.slug.as_str())]
    }

    /// Which rungs they need, a bit for each.
    pub fn demand(&self, stream: &Stream) -> Vec<watch::Receiver<u8>> {
        vec![self.restreamer.demand(stream.slug.as_str())]
    }
}

/// What any of these needs, for as long as somebody looks. One that is gone has said its last word.
pub fn union(mut parts: Vec<watch::Receiver<u8>>) -> watch::Receiver<u8> {
    let read = |parts: &mut Vec<watch::Receiver<u8>>| {
        let bits = parts.iter_mut().map(|part| *part.borrow_and_update());
        bits.fold(0, |all, bits| all | bits)
    };
    let (sender, all) = watch::channel(read(&mut parts));
    tokio::spawn(async move {
        // Of parts that are gone.
        let mut last_words = 0;
        while !parts.is_empty() {
            let next = select_all(parts.iter_mut().map(|part| Box::pin(part.changed())));
            let (changed, at, _) = tokio::select! {
                () = sender.closed() => return,
                next = next => next,
            };
            if changed.is_err() {
                last_words |= *parts.swap_remove(at).borrow();
            }
            let wanted = read(&mut parts) | last_words;
            sender.send_if_modified(|told| std::mem::replace(told, wanted) != wanted);
        }
        sender.closed().await;
    });
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn what_anybody_needs_is_needed() {
        let (first, one) = watch::channel(0b001);
        let (second, two) = watch::channel(0b100);
        let mut all = union(vec![one, two]);
        assert_eq!(*all.borrow_and_update(), 0b101);
        first.send(0b010).unwrap();
        all.changed().await.unwrap();
        assert_eq!(*all.borrow_and_update(), 0b110);
        drop(second);
        first.send(0).unwrap();
        all.changed().await.unwrap();
        assert_eq!(*all.borrow_and_update(), 0b100);
        // The task ends with whoever looks.
        drop(all);
        first.closed().await;
    }
}
