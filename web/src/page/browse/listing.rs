//! The list of streams as it changes: live ones keep their place while the page is open, so that nobody presses on
//! what has just moved away.

use weir_protocol::{LiveChanges, StreamSummary};

/// Streams in the order in which they are shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listing {
    streams: Vec<StreamSummary>,
}

impl Listing {
    /// Those that are live.
    pub fn live(&self) -> impl Iterator<Item = &StreamSummary> {
        self.streams.iter().filter(|it| it.live)
    }

    /// Those that are not.
    pub fn offline(&self) -> impl Iterator<Item = &StreamSummary> {
        self.streams.iter().filter(|it| !it.live)
    }

    /// Whether there is no stream at all.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Takes a list as the server has it now: what was shown before stays where it is, what is new comes behind.
    pub fn replace(&mut self, now: Vec<StreamSummary>) {
        let place = |slug: &StreamSummary| {
            let before = self.streams.iter().position(|it| it.slug == slug.slug);
            before.unwrap_or(usize::MAX)
        };
        let mut placed: Vec<(usize, StreamSummary)> =
            now.into_iter().map(|it| (place(&it), it)).collect();
        // Stable: what is new stays in the server's order.
        placed.sort_by_key(|(place, _)| *place);
        self.streams = placed.into_iter().map(|(_, it)| it).collect();
    }

    /// Takes what the server told. The first news of a connection name everything that is live. Whether the whole
    /// list must be asked for: what is live no more may be offline, or gone.
    pub fn apply(&mut self, changes: LiveChanges, first: bool) -> bool {
        let LiveChanges {
            changed,
            gone,
            live,
        } = changes;
        let mut ended = false;
        let told_all = usize::try_from(live).is_ok_and(|live| live == changed.len());
        for stream in self.streams.iter_mut().filter(|it| it.live) {
            let is_gone = gone.contains(&stream.slug)
                || (first && told_all && !changed.iter().any(|it| it.slug == stream.slug));
            if is_gone {
                stream.live = false;
                stream.started_at = None;
                ended = true;
            }
        }
        for stream in changed {
            match self.streams.iter_mut().find(|it| it.slug == stream.slug) {
                Some(known) => *known = stream,
                None => self.streams.push(stream),
            }
        }
        ended
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use weir_protocol::{ViewerCount, Visibility};

    fn stream(slug: &str, live: bool) -> StreamSummary {
        StreamSummary {
            slug: slug.parse().unwrap(),
            title: slug.to_owned(),
            live,
            protocol: None,
            started_at: live.then_some(1),
            reconnecting_until: None,
            viewers: ViewerCount::default(),
            hls_ready: live,
            dvr_seconds: None,
            description: String::new(),
            owner: None,
            category: None,
            tags: Vec::new(),
            visibility: Visibility::Public,
            language: None,
            mature: false,
            thumbnail: None,
            thumbnail_url: None,
        }
    }

    fn slugs<'a>(streams: impl Iterator<Item = &'a StreamSummary>) -> Vec<&'a str> {
        streams.map(|it| it.slug.as_str()).collect()
    }

    fn listing(streams: &[(&str, bool)]) -> Listing {
        let mut listing = Listing::default();
        listing.replace(
            streams
                .iter()
                .map(|(slug, live)| stream(slug, *live))
                .collect(),
        );
        listing
    }

    #[test]
    fn what_is_shown_keeps_its_place() {
        let mut listing = listing(&[("a", true), ("b", true), ("c", false)]);
        let now = ["d", "b", "a"].map(|slug| stream(slug, true));
        listing.replace(now.into());
        assert_eq!(slugs(listing.live()), ["a", "b", "d"]);
        assert_eq!(listing.offline().count(), 0);
    }

    #[test]
    fn a_stream_begins_and_ends() {
        let mut listing = listing(&[("a", true), ("b", false)]);
        let begins = LiveChanges {
            changed: vec![stream("b", true), stream("new", true)],
            gone: Vec::new(),
            live: 3,
        };
        assert!(!listing.apply(begins, false));
        assert_eq!(slugs(listing.live()), ["a", "b", "new"]);
        let ends = LiveChanges {
            changed: Vec::new(),
            gone: vec!["a".parse().unwrap()],
            live: 2,
        };
        assert!(listing.apply(ends, false), "it may be gone for good");
        assert_eq!(slugs(listing.live()), ["b", "new"]);
        assert_eq!(slugs(listing.offline()), ["a"]);
    }

    #[test]
    fn the_first_news_say_what_ended_meanwhile() {
        let mut before = listing(&[("a", true), ("b", true)]);
        let all = LiveChanges {
            changed: vec![stream("b", true)],
            gone: Vec::new(),
            live: 1,
        };
        assert!(before.apply(all.clone(), true));
        assert_eq!(slugs(before.live()), ["b"]);

        let mut told_a_part = listing(&[("a", true), ("b", true)]);
        assert!(!told_a_part.apply(LiveChanges { live: 700, ..all }, true));
        assert_eq!(slugs(told_a_part.live()), ["a", "b"]);
    }
}
