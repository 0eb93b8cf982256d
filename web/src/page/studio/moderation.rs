//! What may be said in the stream's chat, and who looks after it.

use std::collections::VecDeque;

use dioxus::prelude::*;
use weir_protocol::{
    Page, StreamSlug,
    room::{
        BLOCKED_WORD_CHARS, BLOCKED_WORDS_MAX, Ban, BanKind, LinkPolicy, RoomModerator, RoomRules,
        RoomRulesChange,
    },
};

use super::questions::{of, paged};
use crate::{
    api::{self, ApiError},
    texts::{frame, studio as said},
    ui::{
        Choice, Empty, Failure, More, Skeleton, Submit, Switch, TextArea, TextField, moment,
        use_paged, use_toasts,
    },
};

/// What slow mode can be set to, in milliseconds between two messages.
const SLOW_MS: [u32; 6] = [0, 3_000, 10_000, 30_000, 60_000, 300_000];

/// Rules, moderators, and who is kept quiet.
#[component]
pub fn Moderation(slug: StreamSlug) -> Element {
    rsx! {
        div { class: "studio-columns",
            Rules { slug: slug.clone() }
            div { class: "stack",
                Moderators { slug: slug.clone() }
                Bans { slug }
            }
        }
    }
}

#[component]
fn Rules(slug: StreamSlug) -> Element {
    let mut kept = use_signal(|| None::<RoomRules>);
    let mut tag = use_signal(|| None::<String>);
    let mut error = use_signal(|| None::<ApiError>);
    let toasts = use_toasts();
    let address = of(&slug, "/room");
    let for_reading = address.clone();
    let mut read = use_future(move || {
        let address = for_reading.clone();
        async move {
            match api::get(&address).tagged::<RoomRules>().await {
                Ok(answer) => {
                    error.set(None);
                    tag.set(answer.tag);
                    kept.set(Some(answer.value));
                }
                Err(refused) => error.set(Some(refused)),
            }
        }
    });
    // One at a time: each is a change of what the one before it has made.
    let mut waiting = use_signal(VecDeque::new);
    let mut saving = use_signal(|| false);
    let change = use_callback(move |change: RoomRulesChange| {
        waiting.write().push_back(change);
        if saving.replace(true) {
            return;
        }
        let address = address.clone();
        spawn(async move {
            loop {
                let next = waiting.write().pop_front();
                let Some(change) = next else { break };
                let ask = api::patch(&address).if_match(tag.peek().as_deref());
                match ask.body(&change).tagged::<RoomRules>().await {
                    Ok(answer) => {
                        tag.set(answer.tag);
                        kept.set(Some(answer.value));
                        toasts.say(frame::saved());
                    }
                    Err(refused) => {
                        toasts.fail(refused.text());
                        // Somebody else changed it: what holds is shown.
                        waiting.write().clear();
                        read.restart();
                    }
                }
            }
            saving.set(false);
        });
    });
    if let Some(error) = error() {
        return rsx! { Failure { error, on_retry: move |()| read.restart() } };
    }
    let Some(rules) = kept() else {
        return rsx! { Skeleton { lines: 6 } };
    };
    rsx! {
        div { class: "stack",
        section { class: "panel", "aria-labelledby": "rules-title",
            h2 { id: "rules-title", class: "panel-title", "{said::chat()}" }
            Switch { label: said::chat_on(), on: rules.chat, hint: said::chat_on_hint(),
                on_change: move |on| change.call(RoomRulesChange { chat: Some(on), ..RoomRulesChange::default() }) }
            Switch { label: said::guests(), on: rules.guests, hint: said::guests_hint(),
                on_change: move |on| change.call(RoomRulesChange { guests: Some(on), ..RoomRulesChange::default() }) }
            Switch { label: said::followers_only(), on: rules.followers_only,
                on_change: move |on| change.call(RoomRulesChange { followers_only: Some(on), ..RoomRulesChange::default() }) }
            Switch { label: said::emotes_only(), on: rules.emotes_only,
                on_change: move |on| change.call(RoomRulesChange { emotes_only: Some(on), ..RoomRulesChange::default() }) }
            Switch { label: said::questions_moderated(), on: rules.questions_moderated,
                on_change: move |on| change.call(RoomRulesChange { questions_moderated: Some(on), ..RoomRulesChange::default() }) }
        }
        // Where what it shows holds anew it is another form; a switch above leaves alone what is being written.
        for rules in [rules] {
            Words { key: "{rules.slow_ms} {rules.links:?} {rules.link_hosts:?} {rules.blocked_words:?}", rules: rules.clone(), change }
        }
        }
    }
}

#[component]
fn Words(rules: RoomRules, change: Callback<RoomRulesChange>) -> Element {
    let words = use_signal(|| rules.blocked_words.join("\n"));
    let slow = use_signal(|| rules.slow_ms.to_string());
    let links = use_signal(|| rules.links.as_str().to_owned());
    let hosts = use_signal(|| rules.link_hosts.join("\n"));
    let list = lines(&words.read());
    let too_much = list.len() > BLOCKED_WORDS_MAX
        || list
            .iter()
            .any(|it| it.chars().count() > BLOCKED_WORD_CHARS);
    let send = move |event: FormEvent| {
        event.prevent_default();
        if too_much {
            return;
        }
        let links = match links.read().as_str() {
            "moderators" => LinkPolicy::Moderators,
            "hosts" => LinkPolicy::Hosts,
            _ => LinkPolicy::Allow,
        };
        change.call(RoomRulesChange {
            slow_ms: slow.read().parse().ok(),
            links: Some(links),
            link_hosts: Some(lines(&hosts.read())),
            blocked_words: Some(lines(&words.read())),
            ..RoomRulesChange::default()
        });
    };
    let mut steps = SLOW_MS.to_vec();
    if !steps.contains(&rules.slow_ms) {
        steps.push(rules.slow_ms);
    }
    let slow_name = |ms: u32| match ms {
        0 => said::slow_off().to_owned(),
        ms => said::slow_seconds(ms / 1_000),
    };
    let steps: Vec<(String, String)> = steps
        .into_iter()
        .map(|ms| (ms.to_string(), slow_name(ms)))
        .collect();
    let policies = [
        (LinkPolicy::Allow, said::links_allow()),
        (LinkPolicy::Moderators, said::links_moderators()),
        (LinkPolicy::Hosts, said::links_hosts()),
    ];
    let policies: Vec<(String, String)> = policies
        .into_iter()
        .map(|(policy, name)| (policy.as_str().to_owned(), name.to_owned()))
        .collect();
    let with_hosts = links.read().as_str() == "hosts";
    rsx! {
        form { class: "panel form studio-wide", novalidate: true, onsubmit: send,
            h2 { class: "panel-title", "{said::limits()}" }
            Choice { label: said::slow(), value: slow, options: steps }
            Choice { label: said::links(), value: links, options: policies }
            if with_hosts {
                TextArea { label: said::link_hosts(), value: hosts, rows: 3, hint: said::one_each_line(), maxlength: 20_000 }
            }
            TextArea { label: said::blocked_words(), value: words, rows: 5, hint: said::blocked_words_hint(), maxlength: 14_000,
                error: if too_much { said::blocked_words_bad() } else { "" } }
            div { class: "actions", Submit { label: frame::save() } }
        }
    }
}

fn lines(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

#[component]
fn Moderators(slug: StreamSlug) -> Element {
    let mut list = use_signal(|| None::<Result<Vec<RoomModerator>, ApiError>>);
    let mut name = use_signal(String::new);
    let toasts = use_toasts();
    let address = of(&slug, "/room/moderators");
    let for_reading = address.clone();
    let mut read = use_future(move || {
        let address = for_reading.clone();
        async move { list.set(Some(api::get(&address).json().await)) }
    });
    let set = use_callback(move |(who, on): (String, bool)| {
        // A name may be typed as it is written in chat.
        let who = who.trim().trim_start_matches('@');
        let who: String = js_sys::encode_uri_component(who).into();
        let address = format!("{address}/{who}");
        spawn(async move {
            let ask = if on {
                api::put(&address)
            } else {
                api::delete(&address)
            };
            let outcome = ask.done().await;
            if on && outcome.is_ok() {
                name.set(String::new());
            }
            toasts.outcome(&outcome, frame::saved());
            read.restart();
        });
    });
    let send = move |event: FormEvent| {
        event.prevent_default();
        let who = name.cloned();
        if !who.trim().is_empty() {
            set.call((who, true));
        }
    };
    rsx! {
        section { class: "panel", "aria-labelledby": "moderators-title",
            h2 { id: "moderators-title", class: "panel-title", "{said::moderators()}" }
            match list() {
                None => rsx! { Skeleton { lines: 2 } },
                Some(Err(error)) => rsx! { Failure { error, on_retry: move |()| read.restart() } },
                Some(Ok(all)) => rsx! {
                    ul { class: "studio-rows", role: "list",
                        for one in all {
                            li { key: "{one.name}", class: "studio-row",
                                span {
                                    // A name that is the handle is not said twice.
                                    if one.display_name != one.name { "{one.display_name} " }
                                    span { class: "soft", "@{one.name}" }
                                }
                                button { class: "action action-soft", r#type: "button", "aria-label": "{said::remove()}: {one.name}",
                                    onclick: move |_| set.call((one.name.clone(), false)), "{said::remove()}" }
                            }
                        }
                    }
                },
            }
            form { class: "form", novalidate: true, onsubmit: send,
                TextField { label: said::moderator_name(), value: name, hint: said::moderator_hint(), maxlength: 64 }
                div { class: "actions", Submit { label: said::moderator_add() } }
            }
        }
    }
}

#[component]
fn Bans(slug: StreamSlug) -> Element {
    let address = of(&slug, "/room/bans");
    let for_reading = address.clone();
    let list = use_paged(move |cursor| {
        let address = paged(&for_reading, cursor);
        async move { api::get(&address).json::<Page<Ban>>().await }
    });
    let toasts = use_toasts();
    let lift = use_callback(move |id: String| {
        let address = format!("{address}/{id}");
        spawn(async move {
            let outcome = api::delete(&address).done().await;
            toasts.outcome(&outcome, said::lifted());
            list.again();
        });
    });
    rsx! {
        section { class: "panel", "aria-labelledby": "bans-title",
            h2 { id: "bans-title", class: "panel-title", "{said::bans()}" }
            if list.is_empty() { Empty { title: said::no_bans() } }
            ul { class: "studio-rows", role: "list",
                for ban in list.items.read().iter().cloned() {
                    li { key: "{ban.id}", class: "studio-row",
                        div {
                            span { "{ban.name} " span { class: "badge", "{kind(ban.kind)}" } }
                            span { class: "soft",
                                if let Some(end) = ban.ends_at { "{said::until(moment(end))}" } else { "{moment(ban.created_at)}" }
                                if !ban.reason.is_empty() { " · {ban.reason}" }
                            }
                        }
                        button { class: "action action-soft", r#type: "button", "aria-label": "{said::lift()}: {ban.name}",
                            onclick: move |_| lift.call(ban.id.to_string()), "{said::lift()}" }
                    }
                }
            }
            More { list }
        }
    }
}

fn kind(kind: BanKind) -> &'static str {
    match kind {
        BanKind::Ban => said::ban(),
        BanKind::Shadow => said::shadow_ban(),
        BanKind::Timeout => said::timeout(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_stands_on_each_line() {
        assert_eq!(lines(" a b \n\n c\n"), ["a b", "c"]);
        assert!(lines("").is_empty());
    }
}
