//! The engagement score, and what it is made of (`signaling/src/insight/README.md`).

use dioxus::prelude::*;
use weir_protocol::InsightTotals;

use crate::{texts::insight as texts, ui::Unit};

/// Messages in an hour watched at which conversation is half of what it can be.
const HALF_CONVERSATION: f64 = 6.0;
/// Reactions that weigh as much as a message.
const REACTIONS_PER_MESSAGE: f64 = 4.0;
/// Share of viewers who write at which participation is whole.
const FULL_PARTICIPATION: f64 = 0.2;
/// Stalled share of the time watched at which nothing is left of quality.
const NO_QUALITY: f64 = 0.05;

const HOUR_MS: f64 = 3_600_000.0;

/// What each part brings at most.
const WEIGHTS: [f64; 4] = [50.0, 20.0, 15.0, 15.0];

#[component]
pub fn Score(totals: InsightTotals) -> Element {
    let Some(score) = totals.engagement else {
        return rsx! {};
    };
    let names = [
        (texts::attention(), texts::attention_text()),
        (texts::conversation(), texts::conversation_text()),
        (texts::participation(), texts::participation_text()),
        (texts::quality(), texts::quality_text()),
    ];
    let parts = parts(&totals);
    let said = Unit::Count.say(score);
    rsx! {
        section { class: "panel insight-score", "aria-labelledby": "score-title",
            h2 { id: "score-title", class: "panel-title", "{texts::engagement()}" }
            p { class: "insight-score-value", strong { "{said}" } " " span { class: "soft", "{texts::of_hundred()}" } }
            ul { class: "insight-parts", role: "list",
                for (at, (name, _)) in names.iter().enumerate() {
                    li { key: "{at}", class: "insight-part",
                        span { "{name}" }
                        span { class: "insight-part-value", "{texts::part_of(Unit::Count.say(parts[at] * WEIGHTS[at]), WEIGHTS[at])}" }
                        span { class: "bar", "aria-hidden": "true",
                            span { class: "bar-fill", width: "{(parts[at] * 100.0).round()}%" }
                        }
                    }
                }
            }
            details { class: "disclosure disclosure-small",
                summary { "{texts::how()}" }
                dl { class: "insight-how",
                    for (at, (name, text)) in names.iter().enumerate() {
                        div { key: "{at}",
                            dt { "{name}" }
                            dd { "{text}" }
                        }
                    }
                }
            }
        }
    }
}

/// Attention, conversation, participation and quality, each 0 to 1.
fn parts(totals: &InsightTotals) -> [f64; 4] {
    let [watch, live, viewers] =
        [totals.watch_ms, totals.live_ms, totals.unique_viewers].map(|it| it as f64);
    let attention = ratio(watch, viewers * live).min(1.0);
    let said = totals.messages as f64 + totals.reactions as f64 / REACTIONS_PER_MESSAGE;
    let per_hour = ratio(said, watch / HOUR_MS);
    let conversation = per_hour / (per_hour + HALF_CONVERSATION);
    let participation = (ratio(totals.chatters as f64, viewers) / FULL_PARTICIPATION).min(1.0);
    let quality = (1.0 - ratio(totals.stall_ms as f64, watch) / NO_QUALITY).max(0.0);
    [attention, conversation, participation, quality]
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn the_parts_add_up_to_what_the_server_says() {
        let of = |watch_ms, messages, reactions, chatters, stall_ms| InsightTotals {
            watch_ms,
            live_ms: HOUR,
            unique_viewers: 10,
            messages,
            reactions,
            chatters,
            stall_ms,
            ..InsightTotals::default()
        };
        // The table of the server's own test.
        for (totals, score) in [
            (of(10 * HOUR, 0, 0, 0, 0), 65.0),
            (of(5 * HOUR, 0, 0, 0, 0), 40.0),
            (of(10 * HOUR, 60, 0, 2, 0), 90.0),
            (of(10 * HOUR, 0, 240, 0, 0), 75.0),
            (of(10 * HOUR, 60, 0, 1, 0), 82.5),
            (of(10 * HOUR, 0, 0, 0, HOUR / 4), 57.5),
            (of(10 * HOUR, 0, 0, 0, 5 * HOUR), 50.0),
        ] {
            let parts = parts(&totals);
            let sum: f64 = parts.iter().zip(WEIGHTS).map(|(part, of)| part * of).sum();
            assert!((sum - score).abs() < 0.05, "{totals:?}: {sum}, not {score}");
        }
    }
}
