//! Who may watch what: the one place where WHEP, HLS, event streams, summaries, rooms and thumbnails ask.
//!
//! [`Viewer`] says who asks, as an extractor; [`App::watchable`] says whether they may. What somebody may
//! not see is not there for them.

mod hls_gate;
mod passes;
mod viewer;

pub(crate) use hls_gate::{HlsGate, gate, with_token};
pub(crate) use passes::{Pass, Passes, keep_passes};
pub(crate) use viewer::Viewer;

use std::sync::Arc;

use weir_db::{RoomSubject, Stream, StreamId, UserId, ViewerTokenId};
use weir_protocol::{Visibility, room::CloseReason};

use crate::{ApiError, App, engage, live::media_id, rights, rooms::Identity};

/// Who watches, without what may change meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// Anybody.
    Nobody,
    /// Somebody with an account.
    User(UserId),
    /// Somebody with a viewer token.
    Token(ViewerTokenId),
}

impl Who {
    /// The viewer token, if it is one.
    pub(crate) fn token(self) -> Option<ViewerTokenId> {
        match self {
            Self::Token(id) => Some(id),
            Self::Nobody | Self::User(_) => None,
        }
    }
}

/// What this part keeps. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Watching {
    /// Viewer tokens in use.
    pub(crate) passes: Passes,
    /// Which streams HLS serves to everybody.
    pub(crate) hls: Arc<HlsGate>,
}

impl App {
    /// The stream of a name in an address, if this viewer may watch it.
    ///
    /// # Errors
    /// 404 for what is not there and for what this viewer must not see, 403 for users whom its owner has
    /// blocked from what others may see.
    pub(crate) async fn watchable(&self, slug: &str, viewer: &Viewer) -> Result<Stream, ApiError> {
        let stream = self.stream(slug).await?;
        self.check_watchable(&stream, viewer).await?;
        Ok(stream)
    }

    /// Whether the viewer may watch this stream.
    ///
    /// # Errors
    /// As [`App::watchable`].
    pub(crate) async fn check_watchable(
        &self,
        stream: &Stream,
        viewer: &Viewer,
    ) -> Result<(), ApiError> {
        let hidden = ApiError::NotFound("stream");
        let visibility = stream.details.visibility;
        let db = &self.services.db;
        if viewer
            .user()
            .is_some_and(|user| rights::sees_all_of(user, stream))
        {
            return Ok(());
        }
        if let (Some(owner), Some(user)) = (stream.owner, viewer.user_id())
            && db.is_blocked(owner, user).await?
        {
            return Err(match visibility {
                Visibility::Public | Visibility::Unlisted => {
                    ApiError::Forbidden("the owner of this stream has blocked you")
                }
                Visibility::Private => hidden,
            });
        }
        let may = match (visibility, viewer) {
            (Visibility::Public | Visibility::Unlisted, _) => true,
            (Visibility::Private, Viewer::Nobody) => false,
            (Visibility::Private, Viewer::Token(pass)) => pass.stream() == stream.id,
            (Visibility::Private, Viewer::User(user)) => {
                self.moderates(user, stream).await?
                    || db.is_let_in(stream.id, user.id).await?
                    || db.event_lets_watch(stream.id, user.id).await?
            }
        };
        may.then_some(()).ok_or(hidden)
    }

    /// Whether the user keeps order in this stream: its owner, its moderators, and those of the site.
    pub(crate) async fn moderates(
        &self,
        user: &weir_db::User,
        stream: &Stream,
    ) -> Result<bool, ApiError> {
        if rights::sees_all_of(user, stream) {
            return Ok(true);
        }
        let policies = self.rooms.engage().policies();
        let policy = policies.of(RoomSubject::Stream(stream.id)).await?;
        Ok(engage::rank(&policy, stream.owner, user).moderates())
    }

    /// The stream, if this user manages who may watch it.
    ///
    /// # Errors
    /// 404 for what the user must not see, 403 for everybody who does not keep order in it.
    pub(crate) async fn moderated(
        &self,
        slug: &str,
        user: &weir_db::User,
    ) -> Result<Stream, ApiError> {
        let stream = self.watchable(slug, &Viewer::User(user.clone())).await?;
        if self.moderates(user, &stream).await? {
            return Ok(stream);
        }
        Err(ApiError::Forbidden(
            "only the stream's owner and its moderators may do this",
        ))
    }

    /// The stream, if this user may change it.
    ///
    /// # Errors
    /// 404 for what the user must not see, 403 for what belongs to others.
    pub(crate) async fn changeable(
        &self,
        slug: &str,
        user: &weir_db::User,
    ) -> Result<Stream, ApiError> {
        let stream = self.watchable(slug, &Viewer::User(user.clone())).await?;
        rights::may_change(user, &stream)?;
        Ok(stream)
    }

    /// Sends away who watches a stream and no longer may: it became private, or somebody was blocked.
    pub(crate) async fn recheck_viewers(&self, stream: &Stream) -> Result<(), ApiError> {
        let services = &self.services;
        if stream.details.visibility == Visibility::Private
            && let Some(room) = self.rooms.get(RoomSubject::Stream(stream.id))
        {
            // They come again at once, if they may.
            room.end_members(|who| !who.moderator, CloseReason::Changed);
        }
        for session in services.live.viewers().of_stream(media_id(stream)) {
            // Each is somebody else, and there are few whose right is not known from the stream alone.
            let viewer = self.viewer_of(session.who).await?;
            if self.check_watchable(stream, &viewer).await.is_err() {
                services.live.viewers().remove(session.id);
                services.sfu.end_session(session.id).await;
            }
        }
        Ok(())
    }

    /// Somebody must not be in a stream's room any more.
    fn end_membership(&self, stream: StreamId, key: &str) {
        if let Some(room) = self.rooms.get(RoomSubject::Stream(stream)) {
            let is_it = |who: &Identity| who.key().is_some_and(|of| **of == *key);
            room.end_members(is_it, CloseReason::Revoked);
        }
    }

    /// An owner has blocked somebody, who is sent away from the owner's streams.
    pub(crate) async fn after_block(&self, owner: UserId, user: UserId) -> Result<(), ApiError> {
        for stream in self.services.live.streams_of(owner) {
            self.end_membership(stream.id, &format!("user:{user}"));
            self.recheck_viewers(&stream).await?;
        }
        Ok(())
    }

    async fn viewer_of(&self, who: Who) -> Result<Viewer, ApiError> {
        Ok(match who {
            Who::Nobody => Viewer::Nobody,
            Who::User(id) => {
                let user = self.services.db.user_by_id(id).await?;
                user.map_or(Viewer::Nobody, Viewer::User)
            }
            Who::Token(id) => self
                .watching
                .passes
                .known(id)
                .map_or(Viewer::Nobody, Viewer::Token),
        })
    }

    /// Takes viewer tokens back that the database has as revoked: whatever goes on under them ends.
    pub(crate) async fn end_passes(&self, ids: &[ViewerTokenId]) {
        for id in ids {
            self.watching.passes.end(*id);
            if let Some(pass) = self.watching.passes.known(*id) {
                let user = pass.user().map(|user| format!("user:{user}"));
                self.end_membership(pass.stream(), &user.unwrap_or_else(|| pass.room_key()));
            }
            let services = &self.services;
            for session in services.live.viewers().under(*id) {
                services.live.viewers().remove(session);
                services.sfu.end_session(session).await;
            }
        }
    }
}
