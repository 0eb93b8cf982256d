//! What the browser tells by itself.

use super::{Event, Remote};
use crate::{
    dom::{self, Listener},
    player::{stage::Stage, words::Transport},
};

/// Listens until what is returned is dropped.
pub(super) fn listen(stage: &Stage, remote: &Remote) -> Vec<Listener> {
    let mut listeners = Vec::new();
    for transport in [Transport::WebRtc, Transport::Hls] {
        for (name, paused) in [("pause", true), ("play", false)] {
            let remote = remote.clone();
            listeners.push(Listener::new(stage.video(transport), name, move |_| {
                remote.send(Event::Element { transport, paused });
            }));
        }
    }
    let window = dom::window();
    for name in ["online", "pageshow"] {
        let remote = remote.clone();
        listeners.push(Listener::new(&window, name, move |_| {
            remote.send(Event::Wake)
        }));
    }
    listeners.push(Listener::new(&dom::document(), "visibilitychange", {
        let remote = remote.clone();
        move |_| remote.send(Event::Visibility)
    }));
    let remote = remote.clone();
    listeners.push(Listener::new(&window, "pagehide", move |_| {
        remote.send(Event::Leave)
    }));
    listeners
}
