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
                level.set(loudness(&samples));
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
}
