//! What the page of a broadcast works with: what is captured, the machine, and the session that it orders.

use std::{cell::RefCell, rc::Rc};

use dioxus::prelude::*;
use futures_channel::mpsc;
use futures_util::StreamExt as _;
use gloo_timers::future::TimeoutFuture;

use super::{
    capture::{self, CaptureError, Device, Kind, Track},
    machine::{Event, Failure, Lost, Machine, Order, Phase},
    session::{News, Sent, WhipSession},
};
use crate::dom::{self, Listener};

/// What the picture is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Camera,
    Screen,
}

enum Note {
    Machine(Event),
    PictureEnded,
    SoundEnded,
}

type Session = Rc<RefCell<Option<WhipSession>>>;

/// Copies are the same.
#[derive(Clone, Copy, PartialEq)]
pub struct Desk {
    pub phase: Signal<Phase>,
    pub key: Signal<String>,
    pub source: Signal<Source>,
    pub picture: Signal<Option<Track>>,
    pub sound: Signal<Option<Track>>,
    pub picture_on: Signal<bool>,
    pub sound_on: Signal<bool>,
    pub devices: Signal<Vec<Device>>,
    /// Of the camera and the microphone that are chosen.
    pub camera: Signal<String>,
    pub microphone: Signal<String>,
    pub error: Signal<Option<CaptureError>>,
    /// Why the picture is gone, where nobody here took it away.
    pub lost_picture: Signal<bool>,
    session: CopyValue<Session>,
    notes: CopyValue<mpsc::UnboundedSender<Note>>,
}

/// For as long as the component lives; then the broadcast is over.
pub fn use_desk(key: String) -> Desk {
    let session = use_hook(Session::default);
    let mut channel = use_hook(|| {
        let (notes, inbox) = mpsc::unbounded();
        CopyValue::new((notes, Some(inbox)))
    });
    let desk = Desk {
        phase: use_signal(|| Phase::Ready),
        key: use_signal(|| key),
        source: use_signal(|| Source::Camera),
        picture: use_signal(|| None),
        sound: use_signal(|| None),
        picture_on: use_signal(|| true),
        sound_on: use_signal(|| true),
        devices: use_signal(Vec::new),
        camera: use_signal(String::new),
        microphone: use_signal(String::new),
        error: use_signal(|| None),
        lost_picture: use_signal(|| false),
        session: use_hook(|| CopyValue::new(session.clone())),
        notes: use_hook(|| CopyValue::new(channel.read().0.clone())),
    };
    use_future(move || async move {
        let Some(mut inbox) = channel.write().1.take() else {
            return;
        };
        let mut machine = Machine::default();
        while let Some(note) = inbox.next().await {
            desk.take(note, &mut machine);
        }
    });
    let held = session.clone();
    use_hook(move || Rc::new(leaving(&held)));
    use_drop(move || drop(session.borrow_mut().take()));
    desk
}

/// Who closes the page is asked while it is live, and then the server is told at once.
fn leaving(session: &Session) -> [Listener; 2] {
    let (asked, left) = (session.clone(), session.clone());
    let window = dom::window();
    [
        Listener::new(&window, "beforeunload", move |event| {
            if asked.borrow().is_some() {
                event.prevent_default();
            }
        }),
        Listener::new(&window, "pagehide", move |_| {
            drop(left.borrow_mut().take());
        }),
    ]
}

impl Desk {
    /// The streamer wants something.
    pub fn tell(self, event: Event) {
        self.note(Note::Machine(event));
    }

    /// What has been sent; none where nothing is.
    pub async fn sent(self) -> Option<Sent> {
        let asked = self.session.read().borrow().as_ref().map(WhipSession::sent);
        asked?.await
    }

    /// Whether there is anything to send.
    pub fn has_something(self) -> bool {
        self.picture.read().is_some() || self.sound.read().is_some()
    }

    /// Shows the camera: the chosen one, or the browser's choice.
    pub async fn take_camera(mut self) {
        let id = self.camera.cloned();
        let notes = self.notes.cloned();
        let ended = move || drop(notes.unbounded_send(Note::PictureEnded));
        match capture::device(Kind::Camera, &id, ended).await {
            Ok(track) => {
                self.source.set(Source::Camera);
                self.camera.set(track.device());
                self.set_picture(Some(track));
            }
            Err(error) => self.fail(error, Kind::Camera),
        }
        self.list_devices().await;
    }

    /// Shows a screen or window.
    pub async fn take_screen(mut self) {
        let notes = self.notes.cloned();
        let ended = move || drop(notes.unbounded_send(Note::PictureEnded));
        match capture::screen(ended).await {
            Ok(track) => {
                self.source.set(Source::Screen);
                self.set_picture(Some(track));
            }
            // Who closes the browser's choice of screens wants none.
            Err(CaptureError::Denied) => {}
            Err(error) => self.error.set(Some(error)),
        }
    }

    /// Hears the microphone: the chosen one, or the browser's choice.
    pub async fn take_microphone(mut self) {
        let id = self.microphone.cloned();
        let notes = self.notes.cloned();
        let ended = move || drop(notes.unbounded_send(Note::SoundEnded));
        match capture::device(Kind::Microphone, &id, ended).await {
            Ok(track) => {
                self.microphone.set(track.device());
                self.set_sound(Some(track));
            }
            Err(error) => self.fail(error, Kind::Microphone),
        }
        self.list_devices().await;
    }

    /// The picture is sent, or black is.
    pub fn turn_picture(mut self, on: bool) {
        self.picture_on.set(on);
        if let Some(track) = self.picture.peek().as_ref() {
            track.turn(on);
        }
    }

    /// The sound is sent, or silence is.
    pub fn turn_sound(mut self, on: bool) {
        self.sound_on.set(on);
        if let Some(track) = self.sound.peek().as_ref() {
            track.turn(on);
        }
    }

    fn note(self, note: Note) {
        // The page is gone otherwise.
        let _ = self.notes.read().unbounded_send(note);
    }

    /// The device that there was goes on, if there was one; its name stands in the choice again.
    fn fail(mut self, error: CaptureError, kind: Kind) {
        self.error.set(Some(error));
        let (kept, mut chosen) = match kind {
            Kind::Camera => (self.picture, self.camera),
            Kind::Microphone => (self.sound, self.microphone),
        };
        let device = kept.peek().as_ref().map(Track::device);
        chosen.set(device.unwrap_or_default());
    }

    async fn list_devices(mut self) {
        self.devices.set(capture::devices().await);
    }

    fn set_picture(mut self, track: Option<Track>) {
        self.error.set(None);
        self.lost_picture.set(track.is_none());
        if let Some(track) = &track {
            track.turn(*self.picture_on.peek());
        }
        let fits = self.with_session(|session| session.set_video(track.as_ref()));
        self.picture.set(track);
        if !fits {
            self.tell(Event::Renew);
        }
    }

    fn set_sound(mut self, track: Option<Track>) {
        self.error.set(None);
        if let Some(track) = &track {
            track.turn(*self.sound_on.peek());
        }
        let fits = self.with_session(|session| session.set_audio(track.as_ref()));
        self.sound.set(track);
        if !fits {
            self.tell(Event::Renew);
        }
    }

    /// Whether the session that there is can do it; where there is none, the next one will.
    fn with_session(self, act: impl FnOnce(&WhipSession) -> bool) -> bool {
        self.session.read().borrow().as_ref().is_none_or(act)
    }

    fn take(mut self, note: Note, machine: &mut Machine) {
        let event = match note {
            Note::Machine(event) => event,
            Note::PictureEnded => return self.set_picture(None),
            Note::SoundEnded => return self.set_sound(None),
        };
        for order in machine.step(event) {
            self.carry_out(order);
        }
        if *self.phase.peek() != machine.phase() {
            self.phase.set(machine.phase());
        }
    }

    fn carry_out(self, order: Order) {
        let notes = self.notes.cloned();
        let tell = move |event| drop(notes.unbounded_send(Note::Machine(event)));
        match order {
            Order::Close => drop(self.session.read().borrow_mut().take()),
            Order::Wait(number, ms) => {
                spawn(async move {
                    TimeoutFuture::new(u32::try_from(ms).unwrap_or(u32::MAX)).await;
                    tell(Event::Due(number));
                });
            }
            Order::Open(number) => {
                let told = tell.clone();
                let session = WhipSession::open(
                    self.key.peek().trim(),
                    self.picture.peek().as_ref(),
                    self.sound.peek().as_ref(),
                    move |news| {
                        told(match news {
                            News::Up => Event::Up(number),
                            News::Down(lost) => Event::Down(number, lost),
                        });
                    },
                );
                match session {
                    Ok(session) => *self.session.read().borrow_mut() = Some(session),
                    Err(_) => tell(Event::Down(number, Lost::Failed(Failure::Rejected))),
                }
            }
        }
    }
}
