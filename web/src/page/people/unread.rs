//! How many notifications wait, for the account menu.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::UnreadCount;

use crate::{
    api,
    session::{Session, Who},
};

/// How often the server is asked. Milliseconds.
const LOOK_MS: u32 = 60_000;

/// The number; copies are the same.
#[derive(Clone, Copy, PartialEq)]
pub struct Unread(Signal<u64>);

/// For all pages, as long as the frame stands.
pub fn provide_unread(session: Session) -> Unread {
    let unread = use_context_provider(|| Unread(Signal::new(0)));
    let known = use_memo(move || matches!(session.who(), Who::User(_)));
    // Anew for whoever logs in.
    let _asking = use_resource(move || {
        let known = known();
        async move {
            if !known {
                unread.set(0);
                return;
            }
            loop {
                unread.ask().await;
                TimeoutFuture::new(LOOK_MS).await;
            }
        }
    });
    unread
}

/// The number for this page.
pub fn use_unread() -> Unread {
    use_context()
}

impl Unread {
    /// How many; whoever reads this hears of changes.
    pub fn count(self) -> u64 {
        (self.0)()
    }

    fn set(mut self, count: u64) {
        if *self.0.peek() != count {
            self.0.set(count);
        }
    }

    /// Asks anew, for example after some were read.
    pub async fn ask(self) {
        let asked = api::get("/api/v1/me/notifications/unread");
        // What was known stays where the server does not answer.
        if let Ok(UnreadCount { unread }) = asked.json().await {
            self.set(u64::try_from(unread).unwrap_or(0));
        }
    }
}
