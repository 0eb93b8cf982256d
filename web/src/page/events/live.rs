//! An event as the server has it, again and again: sessions begin, places are taken.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::{EventPage, EventSlug};

use super::questions;
use crate::api::ApiError;

/// How often it is asked for. Milliseconds.
const AGAIN_MS: u32 = 15_000;

/// What is known of it; copies are the same.
#[derive(Clone, Copy, PartialEq)]
pub struct LiveEvent {
    /// None before the first answer.
    pub page: Signal<Option<Result<EventPage, ApiError>>>,
    now: Resource<()>,
}

impl LiveEvent {
    /// Asks at once, for example after one registered.
    pub fn again(mut self) {
        self.now.restart();
    }
}

/// As long as the component lives. What was known stays where the server does not answer for a while.
pub fn use_live_event(event: &EventSlug, invitation: Option<String>) -> LiveEvent {
    let mut page = use_signal(|| None::<Result<EventPage, ApiError>>);
    let event = event.clone();
    let now = use_resource(move || {
        let (event, invitation) = (event.clone(), invitation.clone());
        async move {
            loop {
                let answer = questions::page(&event, invitation.as_deref()).await;
                let known = matches!(*page.peek(), Some(Ok(_)));
                if answer.is_ok() || !known {
                    page.set(Some(answer));
                }
                TimeoutFuture::new(AGAIN_MS).await;
            }
        }
    });
    LiveEvent { page, now }
}
