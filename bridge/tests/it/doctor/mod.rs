//! The doctor looks at what real encoders send, through whole workers.

use std::collections::{BTreeMap, BTreeSet};

use weir_bridge::supervisor::SourceUnit;
use weir_media::{Kind, MediaTime, Thumbnail};
use weir_protocol::finding::{FindingCode as Code, FindingFacts, FindingReport, Severity};

use crate::worker::{
    flv,
    recording::{Event, Stream, publish},
};

const PICTURE: &str = "-f lavfi -i testsrc2=size=640x360:rate=30";
const TONE: &str = "-f lavfi -i sine=frequency=440:sample_rate=48000";
/// What a low-latency profile sends.
const GOOD: &str = "-pix_fmt yuv420p -c:v libx264 -preset ultrafast -profile:v main -b:v 1M -bf 0 -g 60 \
     -sc_threshold 0 -colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv";
const AAC: &str = "-c:a aac -b:a 96k -ac 2";

/// What came out of a stream.
struct Seen {
    /// As each was said first.
    findings: BTreeMap<Code, FindingReport>,
    thumbnails: Vec<Thumbnail>,
}

impl Seen {
    fn codes(&self) -> BTreeSet<Code> {
        self.findings.keys().copied().collect()
    }
}

async fn look_at(units: Vec<SourceUnit>) -> Seen {
    let (mut stream, writer) = Stream::open();
    let publisher = tokio::spawn(async move { publish(&writer, units).await });
    let events = stream.rest().await;
    publisher.await.unwrap();
    let mut seen = Seen {
        findings: BTreeMap::new(),
        thumbnails: Vec::new(),
    };
    for (_, event) in events {
        match event {
            // The machine of the test may be busy, and then its publisher is late, truly.
            Event::Finding(report)
                if !matches!(report.code, Code::ArrivalBursty | Code::UploadSlow) =>
            {
                println!("{report:?}");
                seen.findings.entry(report.code).or_insert(report);
            }
            Event::Thumbnail(thumbnail) => seen.thumbnails.push(thumbnail),
            _ => {}
        }
    }
    seen
}

fn source(seconds: u32, arguments: &str) -> Vec<SourceUnit> {
    flv::encode(&format!("{arguments} -t {seconds}"))
}

/// What to do about it.
fn fix(report: &FindingReport) -> String {
    let facts = FindingFacts {
        code: report.code,
        values: &report.values,
        words: &report.words,
        repaired: report.repaired,
    };
    facts.english().fix
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_profile_has_no_findings_and_gets_thumbnails() {
    let seen = look_at(source(12, &format!("{PICTURE} {TONE} {GOOD} {AAC}"))).await;
    assert_eq!(seen.codes(), BTreeSet::new());
    // At 0, 6 and perhaps 4 or 10 seconds: keyframes that are there when five seconds are over.
    let pictures: Vec<_> = seen.thumbnails.iter().filter(|it| it.width > 160).collect();
    assert!((2..=3).contains(&pictures.len()), "{}", pictures.len());
    for thumbnail in &seen.thumbnails {
        let size = (thumbnail.width, thumbnail.height);
        assert!([(640, 360), (160, 90)].contains(&size), "{size:?}");
        assert_eq!(&thumbnail.jpeg[..3], [0xff, 0xd8, 0xff]);
        assert_eq!(&thumbnail.jpeg[thumbnail.jpeg.len() - 2..], [0xff, 0xd9]);
    }
    let times: Vec<MediaTime> = pictures.iter().map(|it| it.time).collect();
    assert!(
        times
            .windows(2)
            .all(|pair| pair[1] - pair[0] >= 4_000_000_000),
        "{times:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_defaults_of_obs_are_told_with_what_to_set() {
    // Scene cuts every 3 s, which x264 answers with keyframes.
    let units = source(
        13,
        &format!(
            "-f lavfi -i testsrc2=size=640x360:rate=30,negate=enable='lt(mod(t,6),3)' {TONE} -pix_fmt yuv420p \
             -c:v libx264 -preset veryfast -profile:v high -b:v 1M -bf 3 -g 250 {AAC}"
        ),
    );
    let seen = look_at(units).await;
    let mut expected = BTreeSet::from([Code::BFrames, Code::KeyframesFar]);
    // Depends on where x264 sees cuts.
    if seen.codes().contains(&Code::KeyframesIrregular) {
        expected.insert(Code::KeyframesIrregular);
    }
    assert_eq!(seen.codes(), expected);
    let b_frames = &seen.findings[&Code::BFrames];
    assert_eq!(b_frames.severity, Severity::Warning);
    assert!(fix(b_frames).contains("bframes=0"));
    assert!(fix(&seen.findings[&Code::KeyframesFar]).contains("Keyframe Interval"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_sound_is_told() {
    let rate = "-f lavfi -i sine=frequency=440:sample_rate=44100 -ar 44100";
    let silence = "-f lavfi -i anullsrc=r=48000:cl=stereo";
    let loud =
        "-f lavfi -i aevalsrc=clip(6*sin(2764*t)\\,-1\\,1)|clip(6*sin(2764*t)\\,-1\\,1):s=48000";
    let (rate, silent, clipped, missing) = tokio::join!(
        look_at(source(7, &format!("{PICTURE} {rate} {GOOD} {AAC}"))),
        look_at(source(15, &format!("{PICTURE} {silence} {GOOD} {AAC}"))),
        look_at(source(10, &format!("{PICTURE} {loud} {GOOD} {AAC}"))),
        look_at(source(8, &format!("{PICTURE} {GOOD} -an"))),
    );
    assert_eq!(rate.codes(), BTreeSet::from([Code::AudioSampleRate]));
    let report = &rate.findings[&Code::AudioSampleRate];
    assert!(report.repaired && report.values["sample_rate_hz"] == 44_100.0);
    assert_eq!(silent.codes(), BTreeSet::from([Code::AudioSilent]));
    assert_eq!(clipped.codes(), BTreeSet::from([Code::AudioClipped]));
    assert_eq!(missing.codes(), BTreeSet::from([Code::AudioMissing]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_picture_is_told() {
    let uneven = format!(
        "{GOOD} -vsync passthrough -enc_time_base 1/1000 -vf settb=1/1000,setpts=PTS+14*random(0)"
    );
    let full = "-vf scale=out_range=full -pix_fmt yuvj420p -c:v libx264 -preset ultrafast -b:v 1M -bf 0 -g 60 \
         -sc_threshold 0 -color_range pc -colorspace bt709";
    let (variable, full) = tokio::join!(
        look_at(source(14, &format!("{PICTURE} {TONE} {uneven} {AAC}"))),
        look_at(source(6, &format!("{PICTURE} {TONE} {full} {AAC}"))),
    );
    assert!(
        variable.codes().contains(&Code::FrameRateVariable),
        "{:?}",
        variable.codes()
    );
    assert_eq!(full.codes(), BTreeSet::from([Code::ColorFullRange]));
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_that_is_stamped_too_late_is_told() {
    const LATE: MediaTime = 500_000_000;
    let units = source(14, &format!("{PICTURE} {TONE} {GOOD} {AAC}"));
    let (mut stream, writer) = Stream::open();
    let publisher = tokio::spawn(async move {
        let start = tokio::time::Instant::now();
        for mut unit in units {
            if let SourceUnit::AccessUnit(unit) = &mut unit {
                let due = start + std::time::Duration::from_nanos(unit.dts);
                tokio::time::sleep_until(due).await;
                if unit.kind == Kind::Audio {
                    unit.dts += LATE;
                    unit.pts += LATE;
                }
            }
            writer.push(unit);
        }
    });
    let mut offset = None;
    while let Some((_, event)) = stream.events.recv().await {
        if let Event::Finding(report) = event
            && report.code == Code::AvOffset
        {
            offset = Some(report);
        }
    }
    publisher.await.unwrap();
    let offset = offset.expect("an offset").values["offset_ms"];
    assert!((offset - 500.0).abs() < 150.0, "{offset} ms");
}
