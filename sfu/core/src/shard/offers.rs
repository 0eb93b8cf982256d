//! Counter-offers of WHEP: our own offer, and the session that its answer makes.
//!
//! The client's answer is taken as if it were an offer, under the credentials and the names that ours
//! had: what it says of codecs, of header extensions and of itself means the same in both. So nothing is
//! kept of an offer but those, and a session begins in one way only.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use str0m::IceCreds;

use super::Shard;
use crate::{
    OfferError, SessionId, StreamId,
    answer::{EgressMedia, egress_media},
    extension,
    packet::SourceInfo,
    sdp::{self, Role},
    transport::Transport,
};

/// How long an offer may be answered (draft-ietf-wish-whep, where nothing else is said).
const VALID: Duration = Duration::from_secs(30);

/// Offers of one shard that wait for their answers. Beyond, no more are made; each is a few kilobytes.
const MAX_WAITING: usize = 1_000;

/// Offers that wait, the oldest first.
#[derive(Default)]
pub(super) struct Offered(VecDeque<Waiting>);

struct Waiting {
    id: SessionId,
    stream: StreamId,
    /// What the stream had.
    source: SourceInfo,
    creds: IceCreds,
    /// SSRCs and CNAME that the offer told.
    media: Vec<EgressMedia>,
    until: Instant,
}

impl Offered {
    fn forget_old(&mut self, now: Instant) {
        while self.0.front().is_some_and(|oldest| now >= oldest.until) {
            self.0.pop_front();
        }
    }

    /// Takes an offer back; false when there is none of that name.
    pub(super) fn forget(&mut self, id: SessionId) -> bool {
        let place = self.0.iter().position(|waiting| waiting.id == id);
        place.and_then(|place| self.0.remove(place)).is_some()
    }
}

impl Shard {
    /// Our own offer of a stream to a viewer: `source` is what it has now.
    ///
    /// # Errors
    /// [`OfferError::Unavailable`] when too many wait for their answers.
    pub fn handle_ask_offer(
        &mut self,
        now: Instant,
        stream: StreamId,
        id: SessionId,
        source: &SourceInfo,
    ) -> Result<String, OfferError> {
        self.admit()?;
        self.offered.forget_old(now);
        if self.offered.0.len() >= MAX_WAITING {
            return Err(OfferError::Unavailable("too many offers are unanswered"));
        }
        let creds = self.demux.credentials();
        let transport = Transport::new(
            now,
            Role::Viewer,
            creds.clone(),
            &self.cert,
            &self.candidates,
            sdp::own_codecs(source.tracks.video),
            extension::own(),
        );
        let offer = transport.offer(source.tracks);
        let offer = offer.ok_or(OfferError::Unavailable("the stream has no tracks yet"))?;
        self.offered.0.push_back(Waiting {
            id,
            stream,
            source: source.clone(),
            creds,
            media: egress_media(&offer),
            until: now + VALID,
        });
        Ok(offer)
    }

    /// The viewer's answer to our offer. None when none waits under that name; one that cannot be used
    /// may be followed by another.
    ///
    /// # Errors
    /// As for [`handle_view`](Self::handle_view).
    pub fn handle_answer(
        &mut self,
        now: Instant,
        id: SessionId,
        answer: &str,
    ) -> Option<Result<(), OfferError>> {
        self.offered.forget_old(now);
        let place = self.offered.0.iter().position(|it| it.id == id)?;
        let waiting = self.offered.0.remove(place)?;
        let begun = sdp::check_viewer(answer, &waiting.source).and_then(|checked| {
            let (source, creds) = (&waiting.source, waiting.creds.clone());
            let session = (waiting.stream, id);
            self.view(now, session, source, checked, creds, &waiting.media)
        });
        if begun.is_err() {
            self.offered.0.insert(place, waiting);
        }
        Some(begun.map(|_| ()))
    }
}
