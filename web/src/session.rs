//! Who is logged in here.

use std::rc::Rc;

use dioxus::{
    core::{Runtime, current_scope_id},
    prelude::*,
};
use weir_protocol::{LoginResponse, Me};

use crate::{
    api::{self, ApiError},
    dom::{self, Listener},
    settings,
};

/// Who uses the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The server is being asked.
    Asking,
    /// Nobody is logged in.
    Nobody,
    /// This user.
    User(Me),
}

/// The session of this page; copies are the same.
#[derive(Clone, Copy, PartialEq)]
pub struct Session(Signal<Who>);

/// For the whole client: asks once, and keeps the session fresh.
pub fn provide_session() -> Session {
    let session = use_context_provider(|| {
        let first = if api::logged_in() {
            Who::Asking
        } else {
            Who::Nobody
        };
        Session(Signal::new(first))
    });
    use_future(move || async move {
        session.ask().await;
        api::keep_session().await;
    });
    // Whoever logs in or out in another tab does so here.
    use_hook(|| {
        let (runtime, scope) = (Runtime::current(), current_scope_id());
        Rc::new(Listener::new(&dom::window(), "storage", move |event| {
            let key = dom::property(&event, "key").and_then(|key| key.as_string());
            if key.as_deref() == Some(settings::SESSION_END) {
                runtime.spawn(scope, session.ask());
            }
        }))
    });
    session
}

/// The session of this page.
pub fn use_session() -> Session {
    use_context()
}

impl Session {
    /// Who it is; whoever reads this hears of changes.
    pub fn who(self) -> Who {
        (self.0)()
    }

    /// The user, if somebody is logged in.
    pub fn user(self) -> Option<Me> {
        match self.who() {
            Who::User(me) => Some(me),
            Who::Asking | Who::Nobody => None,
        }
    }

    /// Whether this user is logged in.
    pub fn is(self, name: &str) -> bool {
        self.user().is_some_and(|me| me.name == name)
    }

    /// Whether an administrator is logged in.
    pub fn is_admin(self) -> bool {
        self.user().is_some_and(|me| me.role == "admin")
    }

    /// Somebody logged in.
    pub async fn begin(mut self, session: &LoginResponse) {
        api::note_session(session);
        self.0.set(Who::Asking);
        self.ask().await;
    }

    /// Logs out; the page goes on as nobody.
    pub async fn end(self) -> Result<(), ApiError> {
        match api::delete("/api/v1/session").done().await {
            // It had ended before.
            Err(error) if error.is_unauthorized() => {}
            outcome => outcome?,
        }
        settings::set_session_end(0.0);
        self.set(Who::Nobody);
        Ok(())
    }

    /// Asks anew, for example after the user's name or role changed.
    pub async fn ask(self) {
        if !api::logged_in() {
            self.set(Who::Nobody);
            return;
        }
        match api::get("/api/v1/me").json::<Me>().await {
            Ok(me) => self.set(Who::User(me)),
            Err(error) if error.is_unauthorized() => self.set(Who::Nobody),
            // Unknown for now: nothing that needs a user is shown.
            Err(_) => {
                if *self.0.peek() == Who::Asking {
                    self.set(Who::Nobody);
                }
            }
        }
    }

    fn set(mut self, who: Who) {
        if *self.0.peek() != who {
            self.0.set(who);
        }
    }
}
