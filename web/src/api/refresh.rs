//! The session goes on: the access token lasts minutes and is refreshed while the page is open.
//!
//! A refresh token is good for one use, and using it twice looks like a theft. So all pages of this browser take turns
//! (Web Locks), and who finds that another one has just done it does nothing.

use std::cell::RefCell;

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, Shared},
};
use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::{JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use weir_protocol::{LoginResponse, RefreshRequest};

use super::request::{csrf_token, post};
use crate::{dom, settings};

const REFRESH: &str = "/api/v1/session/refresh";
const LOCK: &str = "weir.session";

/// The token is refreshed when less than this is left of it. Milliseconds.
const AHEAD_MS: f64 = 120_000.0;
/// How often the page looks. Milliseconds.
const LOOK_MS: u32 = 20_000;

type Refresh = Shared<LocalBoxFuture<'static, bool>>;

thread_local! {
    static REFRESHING: RefCell<Option<Refresh>> = const { RefCell::new(None) };
}

/// A session began or goes on: its access token is good until then.
pub fn note_session(session: &LoginResponse) {
    settings::set_session_end(session.expires_at as f64);
}

/// As long as the page is open, for whoever is logged in.
pub async fn keep_session() {
    loop {
        TimeoutFuture::new(LOOK_MS).await;
        refresh_if_due().await;
    }
}

/// Refreshes a session whose access token has ended, or will soon.
pub async fn refresh_if_due() {
    let now = js_sys::Date::now();
    if csrf_token().is_some() && now > settings::session_end() - AHEAD_MS {
        refreshed(now).await;
    }
}

/// Whether there is a fresher access token now than at this time, by this browser's clock. Those who ask at one time share
/// the answer.
pub(super) async fn refreshed(since: f64) -> bool {
    let running = REFRESHING.with_borrow_mut(|slot| {
        slot.get_or_insert_with(|| in_turn(since).boxed_local().shared())
            .clone()
    });
    let fresh = running.await;
    REFRESHING.take();
    fresh
}

async fn in_turn(since: f64) -> bool {
    let navigator = dom::window().navigator();
    let Some(locks) = dom::property(&navigator, "locks") else {
        return once(since).await;
    };
    let held = Closure::once_into_js(move |_: JsValue| -> js_sys::Promise {
        future_to_promise(async move { Ok(JsValue::from(once(since).await)) })
    });
    let Some(outcome) = dom::call_with_two(&locks, "request", &LOCK.into(), &held) else {
        return false;
    };
    JsFuture::from(js_sys::Promise::resolve(&outcome))
        .await
        .is_ok_and(|fresh| fresh.is_truthy())
}

async fn once(since: f64) -> bool {
    // Another page had the turn before.
    if settings::session_refreshed() > since {
        return csrf_token().is_some();
    }
    let answer = post(REFRESH).body(&RefreshRequest::default()).send().await;
    let Ok(answer) = answer else { return false };
    if !answer.ok() {
        return false;
    }
    let Ok(session) = answer.json::<LoginResponse>().await else {
        return false;
    };
    note_session(&session);
    settings::set_session_refreshed(js_sys::Date::now());
    true
}
