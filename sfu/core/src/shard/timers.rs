//! A shard's timers: one wheel for sessions and routes.
//!
//! Each of them has at most one live entry, the instant that stands in its `armed`; entries that are
//! no longer anybody's are passed over when they fall due. So arming costs no search.

use std::time::Instant;

use super::{SessionKey, Shard, Timer};
use crate::{StreamId, packet::LayerId, session::Session};

impl Shard {
    pub(super) fn arm_session(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        let at = session.deadline();
        let common = session.common_mut();
        if common.armed.is_none_or(|armed| at < armed) {
            common.armed = Some(at);
            self.timers.insert(at, Timer::Session(key));
        }
    }

    pub(super) fn arm_route(&mut self, stream: StreamId) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        let Some(at) = route.deadline() else { return };
        if route.armed.is_none_or(|armed| at < armed) {
            route.armed = Some(at);
            self.timers.insert(at, Timer::Route(stream));
        }
    }

    pub(super) fn session_timer(&mut self, now: Instant, at: Instant, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        if session.common().armed != Some(at) {
            return;
        }
        session.common_mut().armed = None;
        let (expiry, reason) = session.expiry();
        if now >= expiry {
            self.end(now, key, reason);
            return;
        }
        if let Session::Publisher(publisher) = session
            && publisher.lost_at().is_some_and(|at| now >= at)
        {
            self.lose(now, key);
        }
        let Some(session) = self.sessions.get_mut(&key) else {
            return;
        };
        if now >= session.common().transport.deadline {
            session.common_mut().transport.advance(now);
            self.pump(now, key);
        }
        self.ask_again(now, key);
        self.arm_session(key);
    }

    pub(super) fn route_timer(&mut self, now: Instant, at: Instant, stream: StreamId) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        if route.armed != Some(at) {
            return;
        }
        route.armed = None;
        let flush = route.flush_at.is_some_and(|flush_at| now >= flush_at);
        let over = route.over_at.is_some_and(|over_at| now >= over_at);
        let look = route.look_at.is_some_and(|look_at| now >= look_at);
        let any = route.throttle.due(now);
        let due: Vec<LayerId> = route
            .layers
            .iter_mut()
            .filter_map(|(id, layer)| layer.throttle.due(now).then_some(id))
            .collect();
        if flush {
            self.flush(stream);
        }
        if over {
            tracing::info!(%stream, "no publisher came back");
            self.set_live(now, stream, None);
            self.drop_idle(stream);
        }
        if look {
            self.look_for_needs(now, stream);
        }
        if any {
            self.send_keyframe_request(now, stream, None);
        }
        for layer in due {
            self.send_keyframe_request(now, stream, Some(layer));
        }
        self.arm_route(stream);
    }
}
