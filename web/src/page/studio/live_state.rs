//! A stream's live state, for pages that show it.

use dioxus::prelude::*;
use futures_channel::mpsc;
use futures_util::StreamExt as _;
use weir_protocol::{StreamSlug, StreamSummary};

use crate::feed::{Feed, FeedNews};

/// As the server tells it; none until it does. For as long as the component lives.
pub fn use_live_state(slug: &StreamSlug) -> Signal<Option<StreamSummary>> {
    let mut state = use_signal(|| None);
    let slug = slug.clone();
    use_future(move || {
        let slug = slug.clone();
        async move {
            let (tell, mut news) = mpsc::unbounded();
            let _feed = Feed::new(slug, move |it| {
                // The page may be gone already.
                let _ = tell.unbounded_send(it);
            });
            while let Some(it) = news.next().await {
                if let FeedNews::Stream(summary) = it
                    && state.peek().as_ref() != Some(&*summary)
                {
                    state.set(Some(*summary));
                }
            }
        }
    });
    state
}
