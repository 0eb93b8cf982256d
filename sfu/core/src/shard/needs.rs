//! What of a ladder this shard's viewers need, told when it changes.

use std::time::Instant;

use super::{Output, Shard};
use crate::{StreamId, demand, egress::selection::with_sound, session::Session};

impl Shard {
    /// Something changed that may change what is needed: looks at once.
    pub(super) fn look_soon(&mut self, now: Instant, stream: StreamId) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        let announced = route.info.as_ref().map_or(0, |info| info.announced.len());
        if announced == 0 && route.needed == 0 {
            return;
        }
        route.look_at = Some(now);
        self.arm_route(stream);
    }

    /// Looks at all viewers. Goes on by itself while there are any.
    pub(super) fn look_for_needs(&mut self, now: Instant, stream: StreamId) {
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        let mut needed = 0;
        if let Some(info) = route
            .info
            .as_ref()
            .filter(|info| !info.announced.is_empty())
        {
            let rate = |layer| {
                let rung = route.layers.rungs().iter().find(|r| r.layer == layer);
                rung.filter(|rung| rung.active).map(|rung| rung.bitrate)
            };
            let offered = demand::offered(&info.announced, rate, with_sound);
            for key in &route.viewers {
                if let Some(Session::Viewer(viewer)) = self.sessions.get(key) {
                    needed |= viewer.egress.needs(&offered);
                }
            }
        }
        let goes_on = !route.viewers.is_empty()
            && route
                .info
                .as_ref()
                .is_some_and(|info| !info.announced.is_empty());
        route.look_at = goes_on.then(|| now + demand::LOOK);
        if route.needed != needed {
            route.needed = needed;
            self.outputs.push_back(Output::Needed {
                stream,
                layers: needed,
            });
        }
    }
}
