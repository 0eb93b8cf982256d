//! How this server is now.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use weir_protocol::ServerLoad;

use super::figures::{number, percent, rate, size};
use crate::{
    api::{self, ApiError},
    texts::admin,
    ui::{Failure, Skeleton, ago, moment},
};

/// How often it is asked. Milliseconds.
const REFRESH_MS: u32 = 5_000;

/// The part.
#[component]
pub fn Overview() -> Element {
    let mut now = use_signal(|| None::<ServerLoad>);
    let mut before = use_signal(|| None::<ServerLoad>);
    let mut error = use_signal(|| None::<ApiError>);
    let mut asking = use_future(move || async move {
        loop {
            match api::get("/api/v1/admin/load").json::<ServerLoad>().await {
                Ok(load) => {
                    before.set(now.peek().clone());
                    now.set(Some(load));
                    error.set(None);
                }
                Err(refused) => error.set(Some(refused)),
            }
            TimeoutFuture::new(REFRESH_MS).await;
        }
    });
    rsx! {
        if let Some(error) = error() { Failure { error, on_retry: move |()| asking.restart() } }
        match now() {
            Some(load) => rsx! { Figures { load, before: before() } },
            None if error.read().is_none() => rsx! { Skeleton { lines: 6 } },
            None => rsx! {},
        }
    }
}

#[component]
fn Figures(load: ServerLoad, before: Option<ServerLoad>) -> Element {
    let since = before.as_ref();
    let busy = processor(&load, since);
    let (rate_in, rate_out) = traffic(&load, since);
    let memory = load.memory.unwrap_or_default();
    rsx! {
        section { class: "panel", "aria-labelledby": "server-title",
            div { class: "admin-head",
                h2 { id: "server-title", class: "panel-title", "{admin::server()}" }
                if load.ready {
                    span { class: "badge admin-good", "{admin::ready()}" }
                } else {
                    span { class: "badge admin-bad", role: "status", "{admin::not_ready()}" }
                }
            }
            p { class: "soft",
                "{admin::version(&load.version)} · "
                span { title: moment(load.started_at), "{admin::started(ago(load.started_at))}" }
            }
            dl { class: "admin-tiles",
                Tile { name: admin::on_air(), value: load.streams.to_string(),
                    note: if load.reconnecting > 0 { admin::reconnecting(load.reconnecting) } else { String::new() } }
                Tile { name: admin::watching(), value: load.viewers.total().to_string(),
                    note: admin::by_protocol(load.viewers.hls, load.viewers.webrtc) }
                Tile { name: admin::traffic_out(), value: rate(rate_out), note: admin::traffic_in(rate(rate_in)) }
                if let Some(busy) = busy {
                    Tile { name: admin::processor(), value: percent(busy), share: busy,
                        note: admin::of_cores(load.cores, number(load.load.unwrap_or_default())) }
                }
                if load.memory.is_some() {
                    Tile { name: admin::memory(), value: size(memory), share: used(&load), note: memory_note(&load) }
                }
                if let Some(workers) = load.workers {
                    Tile { name: admin::workers(), value: workers.to_string() }
                }
                if let Some(free) = load.disk_free {
                    Tile { name: admin::disk_free(), value: size(free) }
                }
                Tile { name: admin::database(), value: admin::milliseconds(number(load.database_ms)) }
            }
            p { class: "field-hint", "{admin::refreshed()}" }
        }
        div { class: "actions",
            a { class: "action action-soft", href: "/metrics", "{admin::metrics()}" }
            a { class: "action action-soft", href: "/readyz", "{admin::health()}" }
            a { class: "action action-soft", href: "/api/docs", "{admin::api_docs()}" }
        }
    }
}

/// A figure with its name. `share` of 0 to 1 is drawn as a bar, which says nothing that the words do not.
#[component]
fn Tile(
    name: String,
    value: String,
    #[props(default)] note: String,
    #[props(default)] share: Option<f64>,
) -> Element {
    rsx! {
        div { class: "admin-tile",
            dt { "{name}" }
            dd {
                span { class: "admin-figure", "{value}" }
                if let Some(share) = share {
                    // A drawing: the page's policy takes no widths in attributes of style.
                    svg { class: if share > 0.85 { "admin-bar admin-bar-high" } else { "admin-bar" }, "aria-hidden": "true",
                        view_box: "0 0 100 1", preserve_aspect_ratio: "none",
                        rect { width: "{(share * 100.0).clamp(0.0, 100.0)}", height: "1" }
                    }
                }
                if !note.is_empty() { span { class: "soft admin-note", "{note}" } }
            }
        }
    }
}

/// Seconds between two answers; from the start of the process for the first.
fn seconds(load: &ServerLoad, before: Option<&ServerLoad>) -> f64 {
    let from = before.map_or(load.started_at, |it| it.now);
    ((load.now - from) as f64 / 1_000.0).max(0.001)
}

/// The share of all cores that was used.
fn processor(load: &ServerLoad, before: Option<&ServerLoad>) -> Option<f64> {
    let used = load.cpu_seconds?;
    let from = before.and_then(|it| it.cpu_seconds).unwrap_or_default();
    let cores = f64::from(load.cores.max(1));
    Some(((used - from) / seconds(load, before) / cores).clamp(0.0, 1.0))
}

/// Bits in a second, in and out.
fn traffic(load: &ServerLoad, before: Option<&ServerLoad>) -> (f64, f64) {
    let (read, sent) = before.map_or((0, 0), |it| (it.bytes_in, it.bytes_out));
    let bits = |now: u64, then: u64| now.saturating_sub(then) as f64 * 8.0 / seconds(load, before);
    (bits(load.bytes_in, read), bits(load.bytes_out, sent))
}

/// The share of the machine's memory that is taken, by whatever program.
fn used(load: &ServerLoad) -> Option<f64> {
    let (total, free) = (load.memory_total?, load.memory_available?);
    (total > 0).then(|| 1.0 - free as f64 / total as f64)
}

fn memory_note(load: &ServerLoad) -> String {
    match (load.memory_available, load.memory_total) {
        (Some(free), Some(total)) => admin::memory_of(size(free), size(total)),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use weir_protocol::ViewerCount;

    use super::*;

    fn load(now: i64, cpu_seconds: f64, bytes_out: u64) -> ServerLoad {
        ServerLoad {
            version: String::new(),
            started_at: 0,
            now,
            ready: true,
            streams: 0,
            reconnecting: 0,
            viewers: ViewerCount::default(),
            bytes_in: 0,
            bytes_out,
            cores: 2,
            cpu_seconds: Some(cpu_seconds),
            load: None,
            memory: None,
            memory_total: Some(1_000),
            memory_available: Some(250),
            workers: None,
            disk_free: None,
            database_ms: 0.0,
        }
    }

    #[test]
    fn shares_and_rates_are_of_the_time_between_two_answers() {
        let (first, second) = (load(10_000, 2.0, 0), load(15_000, 7.0, 5_000));
        assert_eq!(processor(&first, None), Some(0.1));
        assert_eq!(processor(&second, Some(&first)), Some(0.5));
        assert_eq!(traffic(&second, Some(&first)), (0.0, 8_000.0));
        assert_eq!(used(&first), Some(0.75));
        // Another process answers: its counters began anew.
        assert_eq!(processor(&load(20_000, 0.5, 0), Some(&second)), Some(0.0));
        assert_eq!(traffic(&load(20_000, 0.5, 0), Some(&second)), (0.0, 0.0));
    }
}
