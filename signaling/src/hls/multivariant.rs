//! The multivariant playlist: the whole ladder, also the rungs that are not encoded at present; without those that
//! the machine is too slow for.

use std::fmt::Write;

use weir_media::{HlsAudio, HlsTrack, HlsVideo};

use super::{
    codec,
    playlist::{VERSION, line, name},
    rates::{Bitrate, bitrate},
    stream::Stream,
    track::Track,
};

/// A rendition as other parts describe it.
pub(super) struct Rendition<'a, T> {
    pub(super) track: &'a Track,
    pub(super) declared: &'a T,
    pub(super) codec: String,
    pub(super) bitrate: Bitrate,
}

/// All rungs that can be had, the best first. None where the picture was announced and does not come.
pub(super) fn rungs(stream: &Stream) -> Vec<Rendition<'_, HlsVideo>> {
    let best = stream.track(HlsTrack::BEST);
    if best.is_none_or(|track| track.segments.is_empty()) {
        return Vec::new();
    }
    let declared = |id| match id {
        HlsTrack::Video(rung) => stream.tracks.as_ref()?.video.get(usize::from(rung)),
        HlsTrack::Audio => None,
    };
    let pictures = stream.pictures();
    pictures
        .filter_map(|track| {
            let declared = declared(track.id)?;
            Some(Rendition {
                track,
                codec: codec_of(track, &declared.codec),
                bitrate: bitrate(track, declared.bitrate),
                declared,
            })
        })
        .collect()
}

/// The sound, if it came.
pub(super) fn sound(stream: &Stream) -> Option<Rendition<'_, HlsAudio>> {
    let track = stream.track(HlsTrack::Audio)?;
    let declared = stream.tracks.as_ref()?.audio.as_ref()?;
    (!track.segments.is_empty()).then(|| Rendition {
        track,
        codec: declared.codec.clone(),
        bitrate: bitrate(track, declared.bitrate),
        declared,
    })
}

fn codec_of(track: &Track, declared: &str) -> String {
    let init = track.init.as_ref().map(|init| &init.data);
    init.and_then(codec::of_init)
        .unwrap_or_else(|| declared.to_owned())
}

pub(super) fn text(stream: &Stream) -> String {
    let (rungs, sound) = (rungs(stream), sound(stream));
    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:{VERSION}\n");
    let Some(sound) = sound else {
        for rung in &rungs {
            variant(&mut text, rung, None);
        }
        return text;
    };
    if rungs.is_empty() {
        let Bitrate { peak, average } = sound.bitrate;
        line(
            &mut text,
            format_args!(
                "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{}\"\n{}.m3u8",
                sound.codec,
                name(HlsTrack::Audio)
            ),
        );
        return text;
    }
    line(
        &mut text,
        format_args!(
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Audio\",DEFAULT=YES,AUTOSELECT=YES,\
             CHANNELS=\"{}\",URI=\"{}.m3u8\"",
            sound.declared.channels,
            name(HlsTrack::Audio)
        ),
    );
    for rung in &rungs {
        variant(&mut text, rung, Some(&sound));
    }
    text
}

fn variant(
    text: &mut String,
    rung: &Rendition<'_, HlsVideo>,
    sound: Option<&Rendition<'_, HlsAudio>>,
) {
    let silence = Bitrate {
        peak: 0,
        average: 0,
    };
    let with = sound.map_or(silence, |sound| sound.bitrate);
    let codecs = match sound {
        Some(sound) => format!("{},{}", rung.codec, sound.codec),
        None => rung.codec.clone(),
    };
    let _ = write!(
        text,
        "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{codecs}\",RESOLUTION={}x{}",
        rung.bitrate.peak + with.peak,
        rung.bitrate.average + with.average,
        rung.declared.width,
        rung.declared.height
    );
    let rate = rung.declared.frame_rate;
    if let Some(rate) = rate.filter(|rate| rate.is_finite() && *rate > 0.0) {
        let _ = write!(text, ",FRAME-RATE={rate:.3}");
    }
    if sound.is_some() {
        text.push_str(",AUDIO=\"audio\"");
    }
    // Without it players look for captions in the picture (Apple's authoring specification, 9.16).
    text.push_str(",CLOSED-CAPTIONS=NONE");
    let _ = writeln!(text, "\n{}.m3u8", name(rung.track.id));
}
