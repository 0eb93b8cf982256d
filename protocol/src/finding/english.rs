//! The findings in English. Menus are those of OBS Studio 30 and later.

use super::{FindingCode as Code, FindingFacts, FindingText};

/// Where most of it is set.
const OUTPUT: &str = "OBS: Settings → Output → Output Mode: Advanced → Streaming";

pub(super) fn text(facts: FindingFacts<'_>) -> FindingText {
    let value = |name| facts.value(name);
    let (title, effect, repair, fix) = match facts.code {
        Code::BFrames => (
            "The video has B-frames".to_owned(),
            "WebRTC shows B-frames in the wrong order, so that motion would stutter.".to_owned(),
            "The video is encoded again without B-frames, which adds some delay and costs quality.",
            format!(
                "{OUTPUT}: for x264 set “Tune” to zerolatency, or write bframes=0 into “x264 Options”; for \
                 hardware encoders set “B-Frames” (“Max B-frames”) to 0."
            ),
        ),
        Code::KeyframesFar => (
            format!("{} s between keyframes", one(value("interval_s"))),
            "Viewers wait for a keyframe when they join, change quality or lose packets; HLS gets more delay."
                .to_owned(),
            match facts.word("repaired_for") {
                "hls" => "HLS gets the video encoded again with a keyframe each second.",
                _ => "The video is encoded again with a keyframe each second.",
            },
            format!("{OUTPUT}: set “Keyframe Interval” to 1 s or 2 s (0 means up to 10 s)."),
        ),
        Code::KeyframesIrregular => (
            format!(
                "Keyframes come every {} to {} s",
                one(value("min_interval_s")),
                one(value("max_interval_s"))
            ),
            "HLS segments get uneven, and with them its delay; each unplanned keyframe is a peak in the bit rate."
                .to_owned(),
            "The video is encoded again with keyframes at regular times.",
            format!(
                "{OUTPUT}: set “Keyframe Interval” to 2 s; for x264 write scenecut=0 into “x264 Options”; for \
                 NVENC switch “Look-ahead” off."
            ),
        ),
        Code::ProfileMismatch => (
            format!(
                "The encoder announces {} and sends {}",
                or(facts.word("declared"), "one profile"),
                or(facts.word("actual"), "another")
            ),
            "Players that trust the announcement may refuse the stream or show black.".to_owned(),
            "Viewers are told what the video really is.",
            format!("{OUTPUT}: set “Profile” to high or main, and update OBS and the graphics driver."),
        ),
        Code::LevelTooLow => (
            format!(
                "Level {} is too low for {}×{} at {} fps",
                one(value("level")),
                value("width_px"),
                value("height_px"),
                whole(value("frame_rate_fps"))
            ),
            "Phones and TVs that keep to the level may refuse the stream or drop frames.".to_owned(),
            "The video is encoded again with a level that fits.",
            format!(
                "{OUTPUT}: remove level= from the encoder's options; level {} or higher is needed.",
                one(value("needed_level"))
            ),
        ),
        Code::ParametersChanged => (
            format!(
                "The video changed to {}×{} while live",
                value("width_px"),
                value("height_px")
            ),
            "The picture may flicker or stand still for a moment with each change.".to_owned(),
            "Each output starts anew with the new parameters.",
            "Do not change resolution, frame rate or encoder while you stream; stop, change them in OBS: \
             Settings → Video and Settings → Output, and start again."
                .to_owned(),
        ),
        Code::FrameRateVariable => (
            format!("The frame rate varies around {} fps", whole(value("frame_rate_fps"))),
            "Motion looks uneven, and encoders share their bits badly.".to_owned(),
            "",
            "OBS: Settings → Video → Common FPS Values: choose 30 or 60. Phones and capture programs: \
             switch “variable frame rate” off."
                .to_owned(),
        ),
        Code::FramesDropped => (
            format!(
                "{} % of the pictures are missing",
                one(value("dropped_percent"))
            ),
            "Motion jerks.".to_owned(),
            "",
            "OBS: View → Docks → Stats tells where they are lost. “Dropped frames (network)”: lower the video \
             bitrate in Settings → Output. “Skipped frames due to encoding lag”: choose a faster preset there, or a \
             smaller size in Settings → Video. “Frames missed due to rendering lag”: close what uses the GPU."
                .to_owned(),
        ),
        Code::VideoFormat => (
            format!("The video is {}", or(facts.word("format"), "of an unusual format")),
            "Browsers cannot decode it.".to_owned(),
            "The video is encoded again as 8-bit 4:2:0 H.264.",
            "OBS: Settings → Advanced → Video → Color Format: NV12 (8-bit, 4:2:0, 2 planes). Interlaced cameras: \
             source's context menu → Deinterlacing → Yadif 2x."
                .to_owned(),
        ),
        Code::ColorFullRange => (
            "The video has full colour range".to_owned(),
            "Many players take it for limited range: blacks and whites lose their detail.".to_owned(),
            "",
            "OBS: Settings → Advanced → Video → Color Range: Limited.".to_owned(),
        ),
        Code::ColorMatrix => {
            let said = facts.word("matrix");
            let title = match said {
                "" | "unspecified" => "The video does not say which colours it has".to_owned(),
                said => format!("The video is HD, but its colours are said to be {said}"),
            };
            (
                title,
                "Reds and greens look a little different from player to player.".to_owned(),
                "",
                "OBS: Settings → Advanced → Video → Color Space: Rec. 709.".to_owned(),
            )
        }
        Code::VideoDamaged => (
            format!("{} damaged pictures", whole(value("pictures"))),
            "The picture stands still or shows blocks.".to_owned(),
            "Damaged pictures are left out.",
            "Update OBS and the graphics driver; if it stays, choose another encoder in Settings → Output."
                .to_owned(),
        ),
        Code::BitrateUnstable => (
            format!(
                "The bit rate varies between {} and {} kbit/s",
                whole(value("low_kbps")),
                whole(value("high_kbps"))
            ),
            "Peaks do not fit through slower connections: their viewers see stalls or a lower quality.".to_owned(),
            "The video is encoded again with a steady bit rate.",
            format!("{OUTPUT}: set “Rate Control” to CBR."),
        ),
        Code::VideoMissing => (
            "There is no picture".to_owned(),
            "Viewers hear the stream and see nothing.".to_owned(),
            "",
            "If you want a picture: check that the program sends video, and its encoder in OBS: Settings → Output."
                .to_owned(),
        ),
        Code::AudioMissing => (
            "There is no sound track".to_owned(),
            "Viewers hear nothing.".to_owned(),
            "",
            "OBS: Settings → Output → Output Mode: Advanced → Streaming → Audio Track: choose a track that your \
             sources are on (Edit → Advanced Audio Properties → Tracks)."
                .to_owned(),
        ),
        Code::AudioSilent => (
            format!("The sound is silent ({} dB)", whole(value("level_db"))),
            "Viewers hear nothing.".to_owned(),
            "",
            "OBS: look at the Audio Mixer: is the source muted, or its level still? Settings → Audio → Global Audio \
             Devices chooses microphone and desktop sound; Edit → Advanced Audio Properties → Tracks puts a source \
             on the track that is streamed."
                .to_owned(),
        ),
        Code::AudioClipped => (
            format!("{} % of the sound is clipped", one(value("clipped_percent"))),
            "Viewers hear crackling and distortion.".to_owned(),
            "",
            "OBS: pull the source's fader in the Audio Mixer down until it stays below −9 dB, or add source → \
             Filters → + → Limiter with a threshold of −6 dB."
                .to_owned(),
        ),
        Code::AudioSampleRate => (
            format!("The sound has {} Hz", whole(value("sample_rate_hz"))),
            "Nothing as long as it is resampled; other players may drift.".to_owned(),
            "The sound is resampled to 48,000 Hz.",
            "OBS: Settings → Audio → General → Sample Rate: 48 kHz, then restart the stream.".to_owned(),
        ),
        Code::AvOffset => {
            let offset = value("offset_ms");
            let (side, sign) = if offset > 0.0 { ("later", "−") } else { ("earlier", "+") };
            let size = whole(offset.abs());
            (
                format!("The sound is {size} ms {side} than the picture that arrives with it"),
                "Lips and voice do not match, unless it is so in the scene itself.".to_owned(),
                "",
                format!(
                    "Look at lips and voice in the player. If they do not match: OBS: Edit → Advanced Audio Properties \
                     → Sync Offset: {sign}{size} ms for the source with the voice."
                ),
            )
        }
        Code::AvDrift => (
            format!(
                "Sound and picture move apart by {} ms a minute",
                one(value("drift_ms_per_minute").abs())
            ),
            "Lips and voice match less and less the longer the stream lasts.".to_owned(),
            "",
            "OBS: Settings → Audio → Sample Rate: set it and the device's own to 48 kHz; for the capture device \
             switch “Use custom audio device” off or “Use Device Timestamps” on in its properties."
                .to_owned(),
        ),
        Code::ArrivalBursty => (
            format!("Media arrives up to {} ms late", whole(value("late_ms"))),
            "Viewers over WebRTC see short stalls, or get more delay.".to_owned(),
            "",
            "Use a cable instead of Wi-Fi, and stop other uploads. OBS: Settings → Advanced → Network → switch \
             “Enable network optimizations” on, and lower the video bitrate in Settings → Output."
                .to_owned(),
        ),
        Code::UploadSlow => (
            format!("The upload is {} s behind", one(value("behind_s"))),
            "The delay grows, then pictures are missing.".to_owned(),
            "",
            "Your connection does not carry the stream. OBS: Settings → Output → Streaming: lower the video bitrate, \
             and Settings → Advanced → Network: “Dynamically change bitrate to manage congestion”."
                .to_owned(),
        ),
        Code::TimestampsJump => (
            format!("Timestamps jumped {} times", whole(value("jumps"))),
            "The picture stands still or skips for a moment.".to_owned(),
            "The timeline goes on without the jump.",
            "Restart the stream. In OBS take media sources and capture devices out one by one to find the one that \
             does it; their properties have “Use Device Timestamps”."
                .to_owned(),
        ),
        Code::Overload => (
            "The server is too busy to encode all qualities".to_owned(),
            "Some qualities are not offered for now.".to_owned(),
            "The costliest qualities are left out, so that the others stay in time.",
            "Send H.264 without B-frames and with a keyframe every 2 s, so that your own video need not be encoded \
             again; or ask who runs the server for fewer qualities or a faster machine."
                .to_owned(),
        ),
        Code::WorkerRestarted => (
            "The stream's media worker died".to_owned(),
            "The picture stood still for a moment.".to_owned(),
            "A new worker has taken over.",
            "Nothing, if it stays with once. If it comes again: choose another encoder in OBS: Settings → Output, \
             and send the server's log to who runs it."
                .to_owned(),
        ),
        Code::WorkerQuarantined => (
            "What you send crashes the media worker".to_owned(),
            "Viewers see nothing until it is tried again.".to_owned(),
            "",
            "Stop the stream, choose another encoder in OBS: Settings → Output, and start again; send the server's \
             log to who runs it."
                .to_owned(),
        ),
        Code::RecordingStopped => (
            "The recording stopped".to_owned(),
            "The live stream goes on; what follows will not be there afterwards.".to_owned(),
            "It begins again by itself when there is room.",
            "Ask who runs the server to make room on its disk or storage; record in OBS meanwhile: Controls → Start \
             Recording."
                .to_owned(),
        ),
        Code::HdrVideo => (
            format!("The video is {}", or(facts.word("transfer"), "HDR")),
            "Colours look pale and highlights wrong on screens without HDR.".to_owned(),
            "",
            "OBS: Settings → Advanced → Video → Color Space: Rec. 709, and Color Format: NV12.".to_owned(),
        ),
        Code::Unsupported => (
            match facts.words.is_empty() {
                true => "What is sent cannot be used".to_owned(),
                false => {
                    let what: Vec<_> = facts.words.values().map(String::as_str).collect();
                    format!("{} cannot be used", what.join(", "))
                }
            },
            "Viewers do not get it.".to_owned(),
            "",
            format!("{OUTPUT}: choose an H.264 video encoder and AAC or Opus sound."),
        ),
        Code::TracksIgnored => (
            "More tracks than viewers get".to_owned(),
            "Viewers get one sound track, and the picture in the sizes that fit together.".to_owned(),
            "",
            format!("{OUTPUT} → Audio Track: choose the one that viewers should hear."),
        ),
    };
    FindingText {
        title,
        effect,
        repair: (facts.repaired && !repair.is_empty()).then(|| repair.to_owned()),
        fix,
    }
}

fn one(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

fn or<'a>(word: &'a str, otherwise: &'a str) -> &'a str {
    if word.is_empty() { otherwise } else { word }
}
