//! Joins the client of a room to the browser: one task, one inbox, no other way in.

use std::{cell::RefCell, rc::Rc};

use dioxus::prelude::*;
use futures_channel::mpsc;
use futures_util::StreamExt as _;
use gloo_timers::{callback::Interval, future::TimeoutFuture};
use wasm_bindgen_futures::spawn_local;
use weir_protocol::room::{ClientMessage, RoomName};

use super::{
    client::{Client, Command, Guest, LinkId},
    socket::{Socket, SocketNews},
    state::RoomState,
    wire,
};
use crate::{
    api,
    dom::{self, Listener},
    session::{Who, use_session},
    settings,
};

/// How often time is looked at. Milliseconds.
const TICK_MS: u32 = 500;
/// The picture comes first: the room waits for it, but not for longer than this. Milliseconds.
const PICTURE_FIRST_MS: u32 = 3_000;
const LOOK_MS: u32 = 100;

/// A connection, once it is there.
type Place = Rc<RefCell<Option<Socket>>>;

type Deed = Box<dyn FnOnce(&mut Client, u64)>;

enum Input {
    Socket(LinkId, SocketNews),
    Tick,
    Wake,
    Identity,
    Do(Deed),
}

/// A room as the views use it; copies are the same.
#[derive(Clone, Copy, PartialEq)]
pub struct Room {
    /// What is known of it.
    pub state: Signal<RoomState>,
    inbox: CopyValue<mpsc::UnboundedSender<Input>>,
}

impl Room {
    /// Asks for something.
    pub fn ask(self, message: ClientMessage) {
        self.act(move |client, _| client.ask(message));
    }

    /// Does something with the client.
    pub fn act(self, deed: impl FnOnce(&mut Client, u64) + 'static) {
        // Closed: the page has moved on.
        let _ = self.inbox.read().unbounded_send(Input::Do(Box::new(deed)));
    }
}

/// The room, for as long as the component lives.
pub fn use_room(name: RoomName) -> Room {
    let state = use_signal(RoomState::default);
    let session = use_session();
    let room = use_hook(|| {
        let (sender, receiver) = mpsc::unbounded();
        let room = Room {
            state,
            inbox: CopyValue::new(sender.clone()),
        };
        spawn(run(name, sender, receiver, state));
        room
    });
    let mut known = use_signal(|| None::<Option<String>>);
    use_effect(move || {
        let name = match session.who() {
            Who::Asking => return,
            Who::Nobody => None,
            Who::User(me) => Some(me.name),
        };
        let before = known.peek().clone();
        if before.as_ref() != Some(&name) {
            known.set(Some(name));
            // The first answer says who the connection was made by.
            if before.is_some() {
                let _ = room.inbox.peek().unbounded_send(Input::Identity);
            }
        }
    });
    room
}

async fn run(
    name: RoomName,
    sender: mpsc::UnboundedSender<Input>,
    mut inbox: mpsc::UnboundedReceiver<Input>,
    mut state: Signal<RoomState>,
) {
    picture_first().await;
    let _tick = Interval::new(TICK_MS, {
        let sender = sender.clone();
        move || drop(sender.unbounded_send(Input::Tick))
    });
    let window = dom::window();
    let _wake = ["online", "pageshow"].map(|event| {
        let sender = sender.clone();
        Listener::new(&window, event, move |_| {
            let _ = sender.unbounded_send(Input::Wake);
        })
    });
    let guest = settings::guest_secret().map(|secret| Guest {
        nickname: settings::guest_name().unwrap_or_default(),
        secret: Some(secret),
    });
    let mut client = Client::new(name, guest, seed(), now());
    let mut socket = None;
    loop {
        carry_out(&mut client, &mut socket, &sender);
        if *state.peek() != client.state {
            state.set(client.state.clone());
        }
        match inbox.next().await {
            None => return,
            Some(Input::Tick) => client.handle_time(now()),
            Some(Input::Wake) => client.handle_wake(now()),
            Some(Input::Identity) => client.handle_identity(now()),
            Some(Input::Do(deed)) => deed(&mut client, now()),
            Some(Input::Socket(id, SocketNews::Open)) => client.handle_open(id, now()),
            Some(Input::Socket(id, SocketNews::Lost)) => client.handle_lost(id, now()),
            Some(Input::Socket(id, SocketNews::Text(text))) => {
                if let Some(message) = wire::read(&text) {
                    client.handle_message(id, message, now());
                }
            }
        }
    }
}

fn carry_out(
    client: &mut Client,
    socket: &mut Option<(LinkId, Place)>,
    sender: &mpsc::UnboundedSender<Input>,
) {
    while let Some(command) = client.poll_command() {
        match command {
            Command::Connect(id) => {
                let place = Place::default();
                *socket = Some((id, place.clone()));
                let sender = sender.clone();
                let weak = Rc::downgrade(&place);
                spawn_local(async move {
                    // The connection is who it is for as long as it lasts.
                    api::refresh_if_due().await;
                    let Some(place) = weak.upgrade() else { return };
                    let news = sender.clone();
                    let opened = Socket::open(move |it| {
                        let _ = news.unbounded_send(Input::Socket(id, it));
                    });
                    match opened {
                        Ok(opened) => *place.borrow_mut() = Some(opened),
                        Err(_) => drop(sender.unbounded_send(Input::Socket(id, SocketNews::Lost))),
                    }
                });
            }
            Command::Say(id, text) => {
                if let Some((current, place)) = socket
                    && *current == id
                    && let Some(open) = place.borrow().as_ref()
                {
                    open.say(&text);
                }
            }
            Command::Close(id) => {
                if socket.as_ref().is_some_and(|(current, _)| *current == id) {
                    *socket = None;
                }
            }
            Command::Remember(secret) => settings::set_guest_secret(&secret),
        }
    }
}

/// Until the player plays, or has nothing to play.
async fn picture_first() {
    let mut waited = 0;
    let starts = || {
        let found = dom::document()
            .query_selector(r#".player[data-state="loading"], .player[data-state="connecting"]"#);
        matches!(found, Ok(Some(_)))
    };
    // The page is put together first.
    TimeoutFuture::new(0).await;
    while waited < PICTURE_FIRST_MS && starts() {
        TimeoutFuture::new(LOOK_MS).await;
        waited += LOOK_MS;
    }
}

fn seed() -> u64 {
    let random = || (js_sys::Math::random() * f64::from(u32::MAX)) as u64;
    (random() << 32) | random()
}

fn now() -> u64 {
    dom::now_ms() as u64
}
