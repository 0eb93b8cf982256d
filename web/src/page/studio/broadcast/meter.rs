//! How loud the microphone is.

use dioxus::prelude::*;
use gloo_timers::future::TimeoutFuture;
use web_sys::{AnalyserNode, AudioContext};

use super::capture::Track;
use crate::{texts::studio as said, ui::use_id};

/// How often it is read. Milliseconds.
const READ_MS: u32 = 80;
/// What is shown as silence, in decibels below full scale.
const FLOOR_DB: f32 = -60.0;
/// How fast it falls after a loud moment: 20 dB in 1.7 s, as peak programme meters do (IEC 60268-10, type I). Whoever
/// glances at it between two words sees that they are heard.
const FALL_DB_PER_S: f32 = 20.0 / 1.7;

/// A bar that moves with the sound.
#[component]
pub fn Meter(track: Track, on: bool) -> Element {
    let id = use_id("level");
    let mut level = use_signal(|| 0.0_f32);
    use_future(move || {
        let track = track.clone();
        async move {
            let Some((context, analyser)) = listen(&track) else {
                return;
            };
            let _closes = Closes(context);
            let mut samples = vec![0.0_f32; analyser.fft_size() as usize];
            loop {
                TimeoutFuture::new(READ_MS).await;
                analyser.get_float_time_domain_data(&mut samples);
                level.with_mut(|level| *level = follow(*level, loudness(&samples)));
            }
        }
    });
    let shown = if on { level() } else { 0.0 };
    rsx! {
        div { class: "studio-level",
            label { class: "field-label", r#for: "{id}", "{said::level()}" }
            meter { id: "{id}", min: "0", max: "1", low: "0.1", high: "0.9", optimum: "0.6", value: "{shown:.2}" }
        }
    }
}

/// A context that is not closed holds the microphone's thread.
struct Closes(AudioContext);

impl Drop for Closes {
    fn drop(&mut self) {
        // It cannot be closed twice, and is not.
        let _ = self.0.close();
    }
}

fn listen(track: &Track) -> Option<(AudioContext, AnalyserNode)> {
    let stream = track.stream()?;
    let context = AudioContext::new().ok()?;
    let source = context.create_media_stream_source(&stream).ok()?;
    let analyser = context.create_analyser().ok()?;
    // What came since the last reading, all of it: a short sound between two readings counts too.
    let samples = context.sample_rate() * READ_MS as f32 / 1_000.0;
    analyser.set_fft_size((samples.ceil() as u32).next_power_of_two());
    source.connect_with_audio_node(&analyser).ok()?;
    Some((context, analyser))
}

/// From 0, silence, to 1, full scale, as ears have it: by decibels.
fn loudness(samples: &[f32]) -> f32 {
    let count = samples.len().max(1) as f32;
    let power = samples.iter().map(|it| it * it).sum::<f32>() / count;
    if power <= 0.0 {
        return 0.0;
    }
    let decibels = 10.0 * power.log10();
    (1.0 - decibels / FLOOR_DB).clamp(0.0, 1.0)
}

/// What is shown after `shown` when it is this loud: up at once, down slowly.
fn follow(shown: f32, loud: f32) -> f32 {
    let fall = FALL_DB_PER_S * READ_MS as f32 / 1_000.0 / -FLOOR_DB;
    loud.max(shown - fall)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_nothing_and_full_scale_is_all() {
        assert_eq!(loudness(&[]), 0.0);
        assert_eq!(loudness(&[0.0; 8]), 0.0);
        assert_eq!(loudness(&[1.0, -1.0]), 1.0);
        assert!((loudness(&[0.0316; 8]) - 0.5).abs() < 0.01, "-30 dB");
        assert_eq!(loudness(&[0.000_01; 8]), 0.0);
    }

    #[test]
    fn a_loud_moment_is_seen_at_once_and_for_a_while() {
        assert_eq!(follow(0.2, 0.8), 0.8);
        let after = |ms: u32| (0..ms / READ_MS).fold(0.8, |shown, _| follow(shown, 0.0));
        assert!(after(500) > 0.65, "{}", after(500));
        assert_eq!(after(5_000), 0.0);
    }
}
