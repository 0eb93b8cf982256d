//! Sources of Enhanced RTMP, from FFmpeg over our listener through a real worker.

use weir_media::{HlsOutput, HlsTrack, Kind, RtpTracks, VideoCodec};

use super::recording::{Recording, pass};
use super::{SECOND, media, pictures_of};
use crate::rtmp::enhanced::{AV1, H264, HEVC, HEVC_10_BIT, OPUS, VP9, source};

const BOTH: [RtpTracks; 1] = [RtpTracks {
    video: Some(VideoCodec::H264),
    audio: true,
}];

/// Viewers get H.264 that decodes, HLS has both tracks.
fn check(recording: &Recording, seconds: u64, what: &str) {
    assert!(
        recording.restarts.is_empty(),
        "{what}: {:?}",
        recording.restarts
    );
    assert_eq!(recording.starts, BOTH, "{what}");
    let pictures = recording.pictures();
    let types = media::picture_types(&recording.annex_b());
    assert_eq!(types.len(), pictures.len(), "{what}: every picture decodes");
    let span = pictures[pictures.len() - 1].0 - pictures[0].0;
    assert!(
        span >= (seconds - 2) * SECOND,
        "{what}: {span} ns of pictures"
    );
    let Some(HlsOutput::Start(tracks)) = recording.hls.first() else {
        panic!("{what}: no HLS")
    };
    assert!(tracks.video[0].codec.starts_with("avc1."), "{what}");
    assert!(tracks.audio.is_some(), "{what}");
    for track in [HlsTrack::BEST, HlsTrack::Audio] {
        let times = media::times(&recording.track(0, track));
        let span = times[times.len() - 1] - times[0];
        assert!(
            span >= (seconds - 2) as f64,
            "{what}: {track:?} of {span} s"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_codec_of_enhanced_rtmp_reaches_browsers() {
    for encoder in [HEVC, HEVC_10_BIT, AV1, VP9] {
        let units = source(4, &format!("-map 0:v -map 1:a {encoder} {OPUS}")).await;
        assert_eq!(pictures_of(&units).len(), 120, "{encoder}");
        let (recording, _) = pass(units).await;
        check(&recording, 4, encoder);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opus_of_enhanced_rtmp_reaches_viewers_untouched() {
    let units = source(4, &format!("-map 0:v -map 1:a {H264} {OPUS}")).await;
    let sent: Vec<_> = units
        .iter()
        .filter_map(|unit| match unit {
            weir_bridge::supervisor::SourceUnit::AccessUnit(unit) if unit.kind == Kind::Audio => {
                Some(unit.data.clone())
            }
            _ => None,
        })
        .collect();
    let (recording, _) = pass(units).await;
    check(&recording, 4, "H.264 and Opus");
    let arrived = recording
        .audio
        .iter()
        .map(|(_, packet)| packet.packet.slice(12..));
    assert!(arrived.eq(sent), "each packet as it was");
    assert!(!media::decode_aac(&recording.track(0, HlsTrack::Audio)).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sizes_of_a_multitrack_source_are_rungs_whatever_their_order() {
    // The best one is not the default track.
    let units = source(
        5,
        &format!("-map 0:v -map 0:v -map 0:v -map 1:a {H264} -s:v:0 96x54 -s:v:2 160x90 -c:a aac"),
    )
    .await;
    let (recording, _) = pass(units).await;
    assert!(recording.restarts.is_empty(), "{:?}", recording.restarts);
    assert_eq!(recording.starts, BOTH);
    let sizes = [(320, 180), (160, 90), (96, 54)];
    let layers = recording.layers[0].iter();
    let announced: Vec<_> = layers.map(|layer| (layer.width, layer.height)).collect();
    assert_eq!(announced, sizes);
    let Some(HlsOutput::Start(tracks)) = recording.hls.first() else {
        panic!("no HLS")
    };
    let rungs = tracks.video.iter();
    let announced: Vec<_> = rungs.map(|rung| (rung.width, rung.height)).collect();
    assert_eq!(announced, sizes);
    let best = recording.layer(0);
    let keyframes = |recording: &Recording| -> Vec<_> {
        let pictures = recording.pictures().into_iter();
        pictures.filter(|(_, keyframe)| *keyframe).collect()
    };
    for (rung, size) in (0..).zip(sizes) {
        let layer = recording.layer(rung);
        // Nothing was lost, and nothing was encoded: all pictures of all layers at the same times.
        assert_eq!(layer.pictures(), best.pictures(), "layer {rung}");
        assert_eq!(keyframes(&layer).len(), 5, "layer {rung}");
        let types = media::picture_types(&layer.annex_b());
        assert_eq!(types.len(), 150, "every picture decodes");
        assert_eq!(media::size(&layer.annex_b(), "-f h264"), size);
        let track = HlsTrack::Video(rung);
        assert_eq!(media::size(&recording.track(0, track), ""), size);
        // A lower one joins at the second segment at the latest.
        let starts = recording.segments(track);
        assert!(starts.len() >= 3, "{starts:?}");
        let of_best = recording.segments(HlsTrack::BEST);
        assert!(of_best.ends_with(&starts), "{starts:?} of {of_best:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_that_cannot_pass_are_left_out_and_the_best_plays() {
    let b_frames = "-c:v libx264 -preset ultrafast -bf 2 -g 30 -pix_fmt yuv420p";
    let units = source(
        4,
        &format!("-map 0:v -map 0:v -map 1:a {b_frames} -s:v:1 160x90 -c:a aac"),
    )
    .await;
    let (recording, _) = pass(units).await;
    check(&recording, 4, "multitrack with B-frames");
    let Some(HlsOutput::Start(tracks)) = recording.hls.first() else {
        panic!("no HLS")
    };
    assert_eq!((tracks.video[0].width, tracks.video[0].height), (320, 180));
    assert!(recording.layers[0].len() <= 1, "{:?}", recording.layers);
}
