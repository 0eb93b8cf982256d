//! Writing, reading, repairing, removing.

use std::{path::Path, sync::Arc, time::Duration};

use weir_archive::{
    Index, Kept, Notice, Root, Settings, Sink, Stopped, Take, TrackId,
    movie::{Cut, MovieError},
};
use weir_media::HlsTrack;

use crate::boxes::{SECOND, part, parts, start};

fn settings() -> Settings {
    Settings {
        min_free: 0,
        ..Settings::default()
    }
}

fn push(sink: &mut Sink, run: &str, halves: std::ops::Range<u64>) {
    let run = start(run).into_iter();
    for output in run.chain(parts(halves.start, halves.end)) {
        sink.hls(&output);
    }
}

/// Waits for the broadcast's thread.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("waited for {what}");
}

fn ended(root: &Root, broadcast: i64) -> Arc<Take> {
    root.end(broadcast);
    let take = root.take(broadcast).unwrap();
    until("the end of the broadcast", || take.is_over());
    take
}

/// Start and length of each segment in seconds, with its run.
fn shape(index: &Index, track: TrackId) -> Vec<(u32, u64, u64)> {
    let segments = index.tracks.get(&track).map_or(&[][..], Vec::as_slice);
    let of = segments
        .iter()
        .map(|it| (it.run, it.start / SECOND, it.duration / SECOND));
    of.collect()
}

#[test]
fn a_broadcast_is_read_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path(), settings()).unwrap();
    let mut sink = root.sink(7, 3).unwrap();
    push(&mut sink, "one", 0..20);
    // The worker was replaced: the timeline goes on.
    push(&mut sink, "one", 24..34);
    // The publisher came again.
    let mut again = root.sink(7, 3).unwrap();
    push(&mut again, "one", 0..8);
    // What the old one still has does not count.
    push(&mut sink, "one", 34..40);
    let take = ended(&root, 7);
    let index = take.look(Index::clone);
    for track in [TrackId::TOP, TrackId::Audio] {
        assert_eq!(
            shape(&index, track),
            [
                (0, 0, 4),
                (0, 4, 4),
                (0, 8, 2),
                (1, 12, 4),
                (1, 16, 1),
                (2, 0, 4)
            ],
            "{track}"
        );
    }
    // Another timeline never goes back.
    let segments = &index.tracks[&TrackId::TOP];
    assert!(segments[5].date >= segments[4].end_date());
    let bytes = take.segment(TrackId::Audio, 3).unwrap();
    let has = |name: &str| bytes.windows(name.len()).any(|it| it == name.as_bytes());
    assert!(has("Audio 00000024") && has("Audio 00000031") && !has("Audio 00000032"));
    // Another process reads the same from the files.
    drop(root);
    let root = Root::open(folder.path(), settings()).unwrap();
    let read = root.take(7).unwrap();
    assert_eq!(read.look(Index::clone), index);
    assert_eq!((read.stream(), read.is_over()), (3, true));
    assert_eq!(root.newest_of(3).unwrap().broadcast(), 7);
    assert!(root.newest_of(4).is_none());
}

#[test]
fn a_stop_in_good_order_leaves_whole_files() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path(), settings()).unwrap();
    let mut one = root.sink(7, 3).unwrap();
    let mut other = root.sink(8, 4).unwrap();
    push(&mut one, "one", 0..20);
    push(&mut other, "other", 0..21);
    // Told at the same moment that it is over.
    root.end(8);
    root.close();
    for (broadcast, length) in [(7, 10 * SECOND), (8, 10 * SECOND + SECOND / 2)] {
        let take = root.take(broadcast).unwrap();
        assert!(take.is_over(), "{broadcast}");
        let end = take.look(|index| index.tracks[&TrackId::Audio].last().unwrap().end());
        assert_eq!(end, length);
    }
}

#[test]
fn what_was_not_whole_in_a_crash_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path(), settings()).unwrap();
    let mut sink = root.sink(7, 3).unwrap();
    push(&mut sink, "one", 0..21);
    let take = root.take(7).unwrap();
    until("two segments", || {
        take.look(|it| shape(it, TrackId::Audio).len() == 2)
    });
    root.keep(
        7,
        Kept {
            recording: 5,
            from: 0,
            to: None,
        },
    )
    .unwrap();
    // The state of the disk when the machine stops, with a torn end.
    let copy = tempfile::tempdir().unwrap();
    let to = copy.path().join("7");
    until("all of it on disk", || {
        let name = b"Audio 00000020";
        let bytes = std::fs::read(folder.path().join("7/0-a-0.m4s")).unwrap();
        bytes.windows(name.len()).any(|it| it == name)
    });
    copy_all(&folder.path().join("7"), &to);
    let torn = to.join("0-v0-0.m4s");
    let length = torn.metadata().unwrap().len();
    let file = std::fs::OpenOptions::new().write(true).open(&torn).unwrap();
    file.set_len(length - 3).unwrap();
    std::fs::write(to.join("take.tmp"), b"half").unwrap();
    let root = Root::open(copy.path(), settings()).unwrap();
    let take = root.take(7).unwrap();
    // The last half second of the video is gone, that of the sound is not.
    take.look(|index| {
        let last = |track| index.tracks[&track].last().unwrap().end();
        assert_eq!(last(TrackId::TOP), 10 * SECOND);
        assert_eq!(last(TrackId::Audio), 10 * SECOND + SECOND / 2);
    });
    let recorded = copy.path().join("recorded");
    let kept = take.kept()[0];
    let finished = weir_archive::finish(&take, kept.from, i64::MAX, &recorded).unwrap();
    assert_eq!(finished.manifest.index.duration_ms(), 10_000);
    assert_eq!(finished.manifest.movies, [10_000]);
    // Asked again, it says the same.
    let again = weir_archive::finish(&take, kept.from, i64::MAX, &recorded).unwrap();
    assert_eq!(again, finished);
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn what_is_old_goes_but_not_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path(), settings()).unwrap();
    let mut sink = root.sink(7, 3).unwrap();
    // Three minutes: files end after one.
    let run = start("one").into_iter();
    for (at, output) in run.chain(parts(0, 380)).enumerate() {
        sink.hls(&output);
        if at % 100 == 99 {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let take = root.take(7).unwrap();
    until("the last segments", || {
        take.look(|it| shape(it, TrackId::Audio).len() >= 46)
    });
    let files = || {
        let all = std::fs::read_dir(folder.path().join("7")).unwrap();
        let names = all.map(|it| it.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|it| it.ends_with("m4s")).collect();
        names.sort();
        names
    };
    assert_eq!(files().len(), 8, "{:?}", files());
    let segments = take.look(|it| it.tracks[&TrackId::TOP].clone());
    let middle = segments[20].date;
    let ends = take.look(Index::ends).unwrap();
    root.keep(
        7,
        Kept {
            recording: 1,
            from: middle,
            to: Some(middle + 1_000_000),
        },
    )
    .unwrap();
    // The window has slid past all of it.
    let window = i64::try_from(Settings::default().window.as_micros()).unwrap();
    root.tidy(ends + window + 60_000_000);
    // What is kept, and what is being written.
    let kept = segments[20].file;
    let left = files();
    assert_eq!(left.len(), 4, "{left:?}");
    assert!(left.contains(&format!("0-v0-{kept}.m4s")), "{left:?}");
    take.look(|index| assert!(index.tracks[&TrackId::TOP].iter().all(|it| it.file >= kept)));
    // Numbers go on.
    let next = take.look(|it| it.tracks[&TrackId::TOP].last().unwrap().seq) + 1;
    parts(380, 396).for_each(|output| sink.hls(&output));
    let take = ended(&root, 7);
    take.look(|it| assert!(it.tracks[&TrackId::TOP].iter().any(|it| it.seq == next)));
    take.let_go(1).unwrap();
    root.tidy(ends + window + 600_000_000);
    assert!(root.take(7).is_none());
    assert!(!folder.path().join("7").exists());
}

#[test]
fn a_full_disk_stops_it_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        min_free: u64::MAX,
        ..settings()
    };
    let root = Root::open(folder.path(), settings).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    root.listen(Box::new(move |notice| tell.send(notice).unwrap()));
    let mut sink = root.sink(7, 3).unwrap();
    push(&mut sink, "one", 0..20);
    let why = Stopped::DiskFull;
    let stopped = told.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(
        stopped,
        Notice::Stopped {
            stream: 3,
            why: why.clone()
        }
    );
    assert_eq!(root.stopped(7), Some(why));
    assert_eq!((root.stats().writing, root.stats().stopped), (1, 1));
    let take = ended(&root, 7);
    assert_eq!(take.look(|it| it.tracks.len()), 0);
    let resumed = told.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(resumed, Notice::Resumed { stream: 3 });
    let refused = weir_archive::finish(&take, 0, i64::MAX, &folder.path().join("r"));
    assert!(matches!(refused, Err(MovieError::Empty)));
}

#[test]
fn a_disk_that_is_too_slow_leaves_a_gap_with_a_discontinuity() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path(), settings()).unwrap();
    let mut sink = root.sink(7, 3).unwrap();
    let all: Vec<_> = start("one").into_iter().chain(parts(0, 20_000)).collect();
    // Far more at once than the queue takes, until something is left out.
    let mut half = 0;
    for output in &all {
        sink.hls(output);
        half += 1;
        if root.stats().dropped > 100 {
            break;
        }
    }
    assert!(root.stats().dropped > 0);
    let lost_at = half / 2 + 2;
    std::thread::sleep(Duration::from_millis(1500));
    parts(lost_at, lost_at + 40).for_each(|output| sink.hls(&output));
    let take = ended(&root, 7);
    take.look(|index| {
        let segments = &index.tracks[&TrackId::TOP];
        let last = segments.last().unwrap();
        assert!(last.run > 0, "{last:?}");
        assert!(last.end() > lost_at * SECOND / 2);
        // Within a run nothing is missing.
        for pair in segments
            .windows(2)
            .filter(|pair| pair[0].run == pair[1].run)
        {
            assert_eq!(pair[0].end(), pair[1].start);
        }
    });
}

#[test]
fn movies_begin_anew_where_the_format_changes() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::open(folder.path(), settings()).unwrap();
    let mut sink = root.sink(7, 3).unwrap();
    push(&mut sink, "one", 0..8);
    push(&mut sink, "one", 8..16);
    push(&mut sink, "other", 20..30);
    let take = ended(&root, 7);
    let recorded = folder.path().join("recorded");
    let finished = weir_archive::finish(&take, 0, i64::MAX, &recorded).unwrap();
    assert_eq!(finished.manifest.movies, [8_000, 5_000]);
    assert!(recorded.join("movie-1.mp4").exists());
    let index = &finished.manifest.index;
    let clip = folder.path().join("clip.mp4");
    let cut = |from, to| Cut {
        from: index.locate(from).unwrap(),
        to: index.locate(to).unwrap(),
    };
    // Over a seam of the same format, and not over one of another.
    let across = weir_archive::make_clip(&recorded, index, cut(3 * SECOND, 5 * SECOND), &clip);
    assert_eq!(across.unwrap().duration_ms, 2_000);
    let bytes = std::fs::read(&clip).unwrap();
    let has = |name: &str| bytes.windows(name.len()).any(|it| it == name.as_bytes());
    assert!(has("Video(0) 00000006") && has("Video(0) 00000009"));
    assert!(!has("Video(0) 00000005") && !has("Video(0) 00000010"));
    let changes = weir_archive::make_clip(&recorded, index, cut(7 * SECOND, 9 * SECOND), &clip);
    assert!(
        matches!(changes, Err(MovieError::FormatChanges)),
        "{changes:?}"
    );
}

#[test]
fn rungs_that_sleep_are_not_offered() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        all_rungs: true,
        ..settings()
    };
    let root = Root::open(folder.path(), settings).unwrap();
    let mut sink = root.sink(7, 3).unwrap();
    start("one").iter().for_each(|output| sink.hls(output));
    for rung in [1, 2] {
        sink.hls(&weir_media::HlsOutput::Init {
            track: HlsTrack::Video(rung),
            data: crate::boxes::init(HlsTrack::Video(rung), "low"),
        });
    }
    for half in 0..32 {
        for track in [HlsTrack::BEST, HlsTrack::Audio, HlsTrack::Video(1)] {
            sink.hls(&part(track, half));
        }
        match half {
            0..16 => sink.hls(&part(HlsTrack::Video(2), half)),
            16 => sink.hls(&weir_media::HlsOutput::Dormant(HlsTrack::Video(2))),
            _ => {}
        }
    }
    let take = ended(&root, 7);
    let offered = take.look(Index::whole_rungs);
    assert_eq!(offered, [TrackId::TOP, TrackId::Video(1)]);
}
