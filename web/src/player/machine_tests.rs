#![allow(clippy::unwrap_used)]
use super::{
    dvr::DVR_STUCK_MS,
    hls::{HLS_AGAIN_MS, HLS_STUCK_MS},
    rtc::{GOOD_MS, MAX_EARLY_ASKS, RTC_AGAIN_MS},
    *,
};
use crate::player::words::{DvrNews, HlsNews, RtcNews, Seek};

const LIVE: Presence = Presence::Live {
    started_at: Some(1),
    hls_ready: true,
    reconnecting: false,
};
const LIVE_AGAIN: Presence = Presence::Live {
    started_at: Some(2),
    hls_ready: true,
    reconnecting: false,
};
const LOST: Presence = Presence::Live {
    started_at: Some(1),
    hls_ready: true,
    reconnecting: true,
};

/// A machine with a clock, and the commands since the last look.
struct Rig {
    machine: Machine,
    now: u64,
}

impl Rig {
    fn new(policy: Policy) -> Self {
        Self {
            machine: Machine::new(policy, 0),
            now: 0,
        }
    }

    fn commands(&mut self) -> Vec<Command> {
        std::iter::from_fn(|| self.machine.poll_command()).collect()
    }

    fn presence(&mut self, presence: Presence) -> &mut Self {
        self.machine.handle_presence(presence, self.now);
        self
    }

    fn rtc(&mut self, id: RtcId, news: RtcNews) -> &mut Self {
        self.machine.handle_rtc(id, news, self.now);
        self
    }

    fn hls(&mut self, news: HlsNews) -> &mut Self {
        self.machine.handle_hls(news, self.now);
        self
    }

    fn dvr(&mut self, news: DvrNews) -> &mut Self {
        self.machine.handle_dvr(news, self.now);
        self
    }

    fn seek(&mut self, seek: Seek) -> &mut Self {
        self.machine.handle_seek(seek, self.now);
        self
    }

    /// Time passes in ticks, as on the page.
    fn wait(&mut self, ms: u64) -> &mut Self {
        let end = self.now + ms;
        while self.now < end {
            self.now = (self.now + 250).min(end);
            self.machine.handle_time(self.now);
        }
        self
    }

    /// Time passes while frames arrive.
    fn wait_with_frames(&mut self, id: RtcId, ms: u64) -> &mut Self {
        for _ in 0..ms / 250 {
            self.now += 250;
            self.machine.handle_rtc(id, RtcNews::Frame, self.now);
        }
        self
    }

    fn phase(&self) -> Phase {
        self.machine.phase(self.now)
    }

    /// A stream that plays over WebRTC as session 0.
    fn playing() -> Self {
        let mut rig = Self::new(Policy::Auto);
        rig.presence(LIVE).wait(400).rtc(0, RtcNews::Frame);
        assert_eq!(
            rig.commands(),
            [Command::OpenRtc(0), Command::Show(Transport::WebRtc)]
        );
        rig
    }

    /// A stream that plays over HLS, since session 0 never brought a frame.
    fn playing_hls() -> Self {
        let mut rig = Self::new(Policy::Auto);
        rig.presence(LIVE).wait(FALL_BACK_MS).hls(HlsNews::Playing);
        assert_eq!(
            rig.commands(),
            [
                Command::OpenRtc(0),
                Command::StartHls,
                Command::Show(Transport::Hls)
            ]
        );
        rig
    }
}

#[test]
fn webrtc_is_tried_before_the_server_has_answered() {
    let mut rig = Rig::new(Policy::Auto);
    assert_eq!(rig.phase(), Phase::Loading);
    assert_eq!(rig.commands(), [Command::OpenRtc(0)]);
    rig.presence(LIVE);
    assert_eq!(rig.phase(), Phase::Connecting);
    rig.rtc(0, RtcNews::Frame);
    assert_eq!(rig.phase(), Phase::Playing);
    assert_eq!(
        rig.commands(),
        [Command::Show(Transport::WebRtc)],
        "one session is enough"
    );
}

#[test]
fn a_viewer_before_the_publisher_waits_and_starts_by_itself() {
    let mut rig = Rig::new(Policy::Auto);
    rig.rtc(0, RtcNews::NotLive { retry_ms: 2_000 })
        .presence(Presence::Offline);
    assert_eq!(rig.phase(), Phase::Offline);
    rig.wait(60_000);
    assert_eq!(
        rig.commands(),
        [Command::OpenRtc(0), Command::CloseRtc(0)],
        "no asking in vain"
    );
    rig.presence(LIVE);
    assert_eq!(rig.commands(), [Command::OpenRtc(1)]);
    rig.rtc(1, RtcNews::Frame);
    assert_eq!(rig.phase(), Phase::Playing);
}

#[test]
fn in_the_moment_of_a_start_it_is_asked_soon_and_then_as_the_server_says() {
    let mut rig = Rig::new(Policy::Auto);
    rig.presence(LIVE);
    for id in 0..MAX_EARLY_ASKS {
        rig.rtc(id, RtcNews::NotLive { retry_ms: 5_000 }).wait(500);
        assert!(rig.commands().contains(&Command::OpenRtc(id + 1)));
    }
    rig.rtc(MAX_EARLY_ASKS, RtcNews::NotLive { retry_ms: 5_000 })
        .wait(4_750);
    assert!(
        !rig.commands()
            .contains(&Command::OpenRtc(MAX_EARLY_ASKS + 1))
    );
    rig.wait(250);
    assert!(
        rig.commands()
            .contains(&Command::OpenRtc(MAX_EARLY_ASKS + 1))
    );
}

#[test]
fn a_refusal_of_a_live_stream_is_asked_again_when_the_server_says() {
    let mut rig = Rig::new(Policy::Auto);
    rig.presence(LIVE)
        .rtc(0, RtcNews::Refused { retry_ms: 2_000 })
        .wait(1_750);
    assert_eq!(rig.commands(), [Command::OpenRtc(0), Command::CloseRtc(0)]);
    rig.wait(250);
    assert_eq!(rig.commands(), [Command::OpenRtc(1)]);
}

#[test]
fn without_frames_hls_takes_over_after_three_seconds() {
    let mut rig = Rig::new(Policy::Auto);
    rig.presence(LIVE).wait(FALL_BACK_MS - 250);
    assert_eq!(rig.commands(), [Command::OpenRtc(0)]);
    rig.wait(250);
    assert_eq!(
        rig.commands(),
        [Command::StartHls],
        "the session goes on behind it"
    );
    rig.hls(HlsNews::Playing);
    assert_eq!(rig.commands(), [Command::Show(Transport::Hls)]);
    assert_eq!(rig.phase(), Phase::Playing);
}

#[test]
fn hls_waits_until_its_playlist_exists() {
    let mut rig = Rig::new(Policy::Auto);
    rig.presence(Presence::Live {
        started_at: Some(1),
        hls_ready: false,
        reconnecting: false,
    })
    .wait(5_000);
    assert_eq!(rig.commands(), [Command::OpenRtc(0)]);
    rig.presence(LIVE);
    assert_eq!(rig.commands(), [Command::StartHls]);
}

#[test]
fn behind_hls_webrtc_is_tried_ever_more_rarely() {
    let mut rig = Rig::playing_hls();
    let mut opened = Vec::new();
    let mut id = 0;
    while rig.now < 600_000 {
        rig.wait(250);
        for command in rig.commands() {
            match command {
                Command::OpenRtc(next) => {
                    opened.push(rig.now);
                    id = next;
                }
                Command::CloseRtc(old) => assert_eq!(old, id),
                other => panic!("{other:?}: HLS plays on untouched"),
            }
        }
    }
    let gaps: Vec<u64> = opened
        .windows(2)
        .map(|pair| (pair[1] - pair[0] - GIVE_UP_MS) / 1_000)
        .collect();
    assert_eq!(opened[0], GIVE_UP_MS + 15_000);
    assert_eq!(gaps, [30, 60, 120, 120, 120]);
}

#[test]
fn the_picture_goes_back_to_webrtc_with_its_first_frame_and_not_before() {
    let mut rig = Rig::playing_hls();
    rig.wait(30_000);
    assert_eq!(rig.commands(), [Command::CloseRtc(0), Command::OpenRtc(1)]);
    assert_eq!(rig.machine.shown(), Some(Transport::Hls));
    rig.rtc(1, RtcNews::Frame);
    assert_eq!(
        rig.commands(),
        [Command::Show(Transport::WebRtc), Command::StopHls]
    );
    assert_eq!(rig.phase(), Phase::Playing);
}

#[test]
fn a_dead_connection_falls_to_hls_at_once_and_tries_again_soon() {
    let mut rig = Rig::playing();
    rig.wait_with_frames(0, 5_000).rtc(0, RtcNews::Failed);
    assert_eq!(rig.commands(), [Command::CloseRtc(0), Command::StartHls]);
    assert_eq!(rig.phase(), Phase::Interrupted);
    rig.hls(HlsNews::Playing).wait(RTC_AGAIN_MS);
    assert_eq!(
        rig.commands(),
        [Command::Show(Transport::Hls), Command::OpenRtc(1)]
    );
}

#[test]
fn a_short_gap_is_told_and_survived() {
    let mut rig = Rig::playing();
    rig.wait(1_750);
    assert_eq!(rig.phase(), Phase::Interrupted);
    rig.rtc(0, RtcNews::Frame);
    assert_eq!(rig.phase(), Phase::Playing);
    assert_eq!(rig.commands(), [], "a worker's restart costs no reconnect");
}

#[test]
fn a_stalled_session_may_come_back_but_not_again_and_again() {
    let mut rig = Rig::playing();
    rig.wait(FALL_BACK_MS).hls(HlsNews::Playing);
    assert_eq!(
        rig.commands(),
        [Command::StartHls, Command::Show(Transport::Hls)]
    );
    rig.wait(1_000).rtc(0, RtcNews::Frame);
    assert_eq!(
        rig.commands(),
        [Command::Show(Transport::WebRtc), Command::StopHls]
    );
    rig.wait(FALL_BACK_MS);
    assert_eq!(rig.commands(), [Command::CloseRtc(0), Command::StartHls]);
    rig.hls(HlsNews::Playing).wait(14_750);
    assert_eq!(
        rig.commands(),
        [Command::Show(Transport::Hls)],
        "backed off"
    );
    rig.wait(250);
    assert_eq!(rig.commands(), [Command::OpenRtc(1)]);
}

#[test]
fn stalls_far_apart_are_forgiven() {
    let mut rig = Rig::playing();
    for _ in 0..4 {
        rig.wait(FALL_BACK_MS + 500)
            .rtc(0, RtcNews::Frame)
            .wait_with_frames(0, GOOD_MS + 500);
        let commands = rig.commands();
        assert!(!commands.contains(&Command::CloseRtc(0)), "{commands:?}");
    }
}

#[test]
fn offline_is_said_at_once_and_the_session_is_kept() {
    let mut rig = Rig::playing();
    rig.wait_with_frames(0, 1_000).presence(Presence::Offline);
    assert_eq!(rig.phase(), Phase::Offline);
    assert_eq!(rig.commands(), []);
    rig.wait(5_000)
        .presence(LIVE_AGAIN)
        .wait(500)
        .rtc(0, RtcNews::Frame);
    assert_eq!(rig.commands(), [Command::Show(Transport::WebRtc)]);
    assert_eq!(rig.phase(), Phase::Playing);
}

#[test]
fn an_old_session_that_stays_silent_is_replaced() {
    let mut rig = Rig::playing();
    rig.presence(Presence::Offline)
        .wait(5_000)
        .presence(LIVE_AGAIN)
        .wait(LIVE_AGAIN_MS - 250);
    assert_eq!(rig.commands(), []);
    rig.wait(250);
    assert_eq!(rig.commands(), [Command::CloseRtc(0), Command::OpenRtc(1)]);
    rig.rtc(0, RtcNews::Frame);
    assert_eq!(
        rig.phase(),
        Phase::Connecting,
        "late news of the old session count for nothing"
    );
    rig.rtc(1, RtcNews::Frame);
    assert_eq!(rig.phase(), Phase::Playing);
}

#[test]
fn a_new_broadcast_without_an_end_in_between_is_noticed() {
    let mut rig = Rig::playing();
    rig.wait_with_frames(0, 500)
        .wait(250)
        .presence(LIVE_AGAIN)
        .wait(LIVE_AGAIN_MS);
    assert_eq!(rig.commands(), [Command::CloseRtc(0), Command::OpenRtc(1)]);
}

#[test]
fn a_long_pause_between_broadcasts_frees_the_session() {
    let mut rig = Rig::playing();
    rig.presence(Presence::Offline).wait(KEEP_OFFLINE_MS);
    assert_eq!(rig.commands(), [Command::CloseRtc(0)]);
    rig.presence(LIVE_AGAIN);
    assert_eq!(rig.commands(), [Command::OpenRtc(1)]);
}

#[test]
fn where_webrtc_never_came_through_the_next_broadcast_starts_with_hls() {
    let mut rig = Rig::playing_hls();
    rig.wait(GIVE_UP_MS).presence(Presence::Offline);
    assert_eq!(rig.commands(), [Command::CloseRtc(0), Command::StopHls]);
    rig.wait(1_000).presence(LIVE_AGAIN);
    assert_eq!(rig.commands(), [Command::OpenRtc(1), Command::StartHls]);
}

#[test]
fn hls_that_fails_is_started_again() {
    let mut rig = Rig::playing_hls();
    rig.hls(HlsNews::Failed);
    assert_eq!(rig.phase(), Phase::Interrupted);
    rig.wait(2_000);
    assert_eq!(rig.commands(), [Command::StopHls, Command::StartHls]);
    rig.hls(HlsNews::Playing);
    assert_eq!(
        rig.commands(),
        [Command::Show(Transport::Hls)],
        "a new player has no sound until it is shown"
    );
    assert_eq!(rig.phase(), Phase::Playing);
}

#[test]
fn hls_that_hangs_is_started_again() {
    let mut rig = Rig::new(Policy::Only(Transport::Hls));
    rig.presence(LIVE);
    assert_eq!(rig.commands(), [Command::StartHls]);
    rig.wait(HLS_STUCK_MS + HLS_AGAIN_MS);
    assert_eq!(rig.commands(), [Command::StopHls, Command::StartHls]);
}

#[test]
fn only_webrtc_means_no_hls_and_quick_attempts() {
    let mut rig = Rig::new(Policy::Only(Transport::WebRtc));
    rig.presence(LIVE)
        .rtc(0, RtcNews::Failed)
        .wait(1_000)
        .rtc(1, RtcNews::Failed)
        .wait(2_000);
    assert_eq!(
        rig.commands(),
        [
            Command::OpenRtc(0),
            Command::CloseRtc(0),
            Command::OpenRtc(1),
            Command::CloseRtc(1),
            Command::OpenRtc(2)
        ]
    );
    rig.wait(60_000);
    assert!(!rig.commands().contains(&Command::StartHls));
}

#[test]
fn only_hls_means_no_webrtc() {
    let mut rig = Rig::new(Policy::Only(Transport::Hls));
    rig.presence(LIVE)
        .hls(HlsNews::Playing)
        .wait(300_000)
        .presence(Presence::Offline);
    rig.wait(1_000).presence(LIVE_AGAIN);
    assert_eq!(
        rig.commands(),
        [
            Command::StartHls,
            Command::Show(Transport::Hls),
            Command::StopHls,
            Command::StartHls
        ]
    );
}

#[test]
fn a_network_that_is_back_is_used_at_once() {
    let mut rig = Rig::playing_hls();
    rig.wait(GIVE_UP_MS);
    rig.commands();
    rig.machine.handle_wake(rig.now);
    assert_eq!(rig.commands(), [Command::OpenRtc(1)]);
}

#[test]
fn a_stream_that_does_not_exist_is_left_alone() {
    let mut rig = Rig::new(Policy::Auto);
    rig.presence(Presence::Missing).wait(60_000);
    assert_eq!(rig.phase(), Phase::Missing);
    assert_eq!(rig.commands(), [Command::OpenRtc(0), Command::CloseRtc(0)]);
    rig.presence(LIVE);
    assert_eq!(
        rig.commands(),
        [Command::OpenRtc(1)],
        "until somebody makes it"
    );
}

#[test]
fn media_without_news_of_the_stream_plays() {
    let mut rig = Rig::new(Policy::Auto);
    rig.wait(500)
        .rtc(0, RtcNews::Frame)
        .wait_with_frames(0, 10_000);
    assert_eq!(rig.phase(), Phase::Playing);
    assert_eq!(
        rig.commands(),
        [Command::OpenRtc(0), Command::Show(Transport::WebRtc)]
    );
}

#[test]
fn a_lost_publisher_is_waited_for_with_the_last_picture() {
    let mut rig = Rig::playing();
    rig.wait(500).presence(LOST);
    assert_eq!(
        rig.phase(),
        Phase::Playing,
        "what was on its way still comes"
    );
    rig.wait(2_000);
    assert_eq!(rig.phase(), Phase::Reconnecting);
    rig.wait(120_000);
    assert_eq!(rig.commands(), [], "nothing is given up");
    assert_eq!(rig.machine.shown(), Some(Transport::WebRtc));
    rig.presence(LIVE).wait(2_000);
    assert_eq!(rig.commands(), [], "the same session goes on");
    rig.wait_with_frames(0, 1_000);
    assert_eq!(rig.phase(), Phase::Playing);
    assert_eq!(rig.commands(), []);
}

#[test]
fn a_session_that_stays_dark_after_the_return_is_replaced() {
    let mut rig = Rig::playing();
    rig.presence(LOST).wait(8_000).presence(LIVE);
    rig.wait(BACK_AGAIN_MS);
    let commands = rig.commands();
    assert!(commands.contains(&Command::CloseRtc(0)), "{commands:?}");
    assert!(commands.contains(&Command::OpenRtc(1)), "{commands:?}");
}

#[test]
fn nobody_comes_back_and_the_stream_is_offline() {
    let mut rig = Rig::playing();
    rig.presence(LOST).wait(15_000).presence(Presence::Offline);
    assert_eq!(rig.phase(), Phase::Offline);
    rig.presence(LIVE_AGAIN);
    rig.wait(LIVE_AGAIN_MS);
    assert!(rig.commands().contains(&Command::OpenRtc(1)));
}

#[test]
fn hls_keeps_its_last_picture_until_the_publisher_is_back() {
    let mut rig = Rig::playing_hls();
    rig.presence(LOST).hls(HlsNews::Buffering);
    assert_eq!(rig.phase(), Phase::Reconnecting);
    rig.wait(30_000).commands();
    rig.hls(HlsNews::Failed).wait(5_000);
    assert_eq!(rig.phase(), Phase::Reconnecting);
    let hls = |command: &Command| matches!(command, Command::StartHls | Command::StopHls);
    assert!(!rig.commands().iter().any(hls));
    rig.presence(LIVE);
    let commands: Vec<_> = rig.commands().into_iter().filter(hls).collect();
    assert_eq!(commands, [Command::StopHls, Command::StartHls]);
    rig.hls(HlsNews::Playing);
    assert_eq!(rig.phase(), Phase::Playing);
}

#[test]
fn a_page_that_opens_in_the_gap_waits_on_its_session() {
    let mut rig = Rig::new(Policy::Auto);
    rig.presence(LOST).wait(14_000);
    assert_eq!(rig.commands(), [Command::OpenRtc(0)]);
    assert_eq!(rig.phase(), Phase::Reconnecting);
    rig.presence(LIVE).rtc(0, RtcNews::Frame);
    assert_eq!(rig.commands(), [Command::Show(Transport::WebRtc)]);
    assert_eq!(rig.phase(), Phase::Playing);
}

/// A stream that was played over WebRTC, whose viewer has gone back.
fn in_the_past() -> Rig {
    let mut rig = Rig::playing();
    rig.seek(Seek::To(5_000.0));
    assert_eq!(rig.commands(), [Command::StartDvr(5_000.0)]);
    rig.wait_with_frames(0, 500).dvr(DvrNews::Playing);
    assert_eq!(
        rig.commands(),
        [Command::Show(Transport::Dvr), Command::CloseRtc(0)],
        "no picture goes before the next one is there, and nothing live is sent then"
    );
    rig
}

#[test]
fn the_way_back_keeps_the_live_picture_until_the_old_one_is_there() {
    let mut rig = Rig::playing();
    rig.seek(Seek::To(5_000.0)).wait_with_frames(0, 2_000);
    assert_eq!(rig.commands(), [Command::StartDvr(5_000.0)]);
    assert_eq!(rig.machine.shown(), Some(Transport::WebRtc));
    assert_eq!(rig.phase(), Phase::Playing);
    rig.seek(Seek::To(3_000.0));
    assert_eq!(rig.commands(), [Command::SeekDvr(3_000.0)]);
    rig.seek(Seek::Live);
    assert_eq!(rig.commands(), [Command::StopDvr], "nothing has happened");
    rig.wait_with_frames(0, 500);
    assert_eq!(rig.phase(), Phase::Playing);
    assert_eq!(rig.commands(), []);
}

#[test]
fn in_the_past_nothing_live_is_tried() {
    let mut rig = in_the_past();
    rig.wait(120_000);
    assert_eq!(rig.commands(), []);
    assert_eq!(rig.phase(), Phase::Playing);
    rig.seek(Seek::To(9_000.0));
    assert_eq!(rig.commands(), [Command::SeekDvr(9_000.0)]);
    assert_eq!(rig.phase(), Phase::Interrupted);
    rig.dvr(DvrNews::Playing);
    assert_eq!(rig.commands(), [], "the same player goes on");
    assert_eq!(rig.phase(), Phase::Playing);
}

#[test]
fn the_past_plays_on_until_the_live_picture_is_there() {
    let mut rig = in_the_past();
    rig.wait(60_000).seek(Seek::Live);
    assert_eq!(rig.commands(), [Command::OpenRtc(1)]);
    rig.wait(500);
    assert_eq!(rig.machine.shown(), Some(Transport::Dvr));
    assert_eq!(rig.phase(), Phase::Playing);
    assert!(!rig.machine.is_in_past());
    rig.rtc(1, RtcNews::Frame);
    assert_eq!(
        rig.commands(),
        [Command::Show(Transport::WebRtc), Command::StopDvr]
    );
    assert_eq!(rig.phase(), Phase::Playing);
}

#[test]
fn who_turns_round_on_the_way_to_live_keeps_the_player() {
    let mut rig = in_the_past();
    rig.seek(Seek::Live).wait(500).seek(Seek::To(7_000.0));
    assert_eq!(
        rig.commands(),
        [
            Command::OpenRtc(1),
            Command::CloseRtc(1),
            Command::SeekDvr(7_000.0)
        ]
    );
    assert!(rig.machine.is_in_past());
}

#[test]
fn from_the_past_hls_is_the_way_to_live_where_webrtc_is_none() {
    let mut rig = in_the_past();
    rig.wait(60_000).seek(Seek::Live).wait(FALL_BACK_MS);
    assert_eq!(
        rig.commands(),
        [Command::OpenRtc(1), Command::StopDvr, Command::StartHls],
        "they have one element"
    );
    rig.hls(HlsNews::Playing);
    assert_eq!(rig.commands(), [Command::Show(Transport::Hls)]);
    assert_eq!(rig.phase(), Phase::Playing);
}

#[test]
fn hls_ends_for_the_past_and_begins_again_after_it() {
    let mut rig = Rig::playing_hls();
    rig.wait(GIVE_UP_MS).seek(Seek::To(5_000.0));
    assert_eq!(
        rig.commands(),
        [
            Command::CloseRtc(0),
            Command::StopHls,
            Command::StartDvr(5_000.0)
        ]
    );
    rig.dvr(DvrNews::Playing).wait(60_000);
    assert_eq!(rig.commands(), [Command::Show(Transport::Dvr)]);
    rig.seek(Seek::Live);
    assert_eq!(
        rig.commands(),
        [Command::OpenRtc(1), Command::StopDvr, Command::StartHls],
        "WebRTC did not come through before"
    );
}

#[test]
fn a_past_that_does_not_come_is_left() {
    let mut rig = Rig::playing();
    rig.seek(Seek::To(5_000.0)).dvr(DvrNews::Failed);
    assert_eq!(
        rig.commands(),
        [Command::StartDvr(5_000.0), Command::StopDvr]
    );
    rig.seek(Seek::To(5_000.0))
        .wait_with_frames(0, DVR_STUCK_MS);
    assert_eq!(
        rig.commands(),
        [Command::StartDvr(5_000.0), Command::StopDvr]
    );
    assert_eq!(rig.phase(), Phase::Playing);
    let mut rig = in_the_past();
    rig.dvr(DvrNews::Buffering).wait(DVR_STUCK_MS);
    assert_eq!(rig.commands(), [Command::OpenRtc(1)]);
    let mut rig = Rig::playing_hls();
    rig.wait(GIVE_UP_MS).commands();
    rig.seek(Seek::To(5_000.0)).dvr(DvrNews::Failed);
    let commands = rig.commands();
    assert!(commands.ends_with(&[Command::StopDvr, Command::OpenRtc(1), Command::StartHls]));
}

#[test]
fn who_is_behind_when_the_stream_ends_sees_the_rest() {
    let mut rig = in_the_past();
    rig.presence(Presence::Offline).wait(8_000);
    assert_eq!(rig.phase(), Phase::Playing);
    rig.seek(Seek::To(4_000.0)).dvr(DvrNews::Playing);
    assert_eq!(rig.commands(), [Command::SeekDvr(4_000.0)]);
    rig.dvr(DvrNews::Ended);
    assert_eq!(rig.commands(), [Command::StopDvr]);
    assert_eq!(rig.phase(), Phase::Offline);
    rig.presence(LIVE_AGAIN);
    assert_eq!(rig.commands(), [Command::OpenRtc(1)]);
}

#[test]
fn what_is_over_can_be_left_and_does_not_hang() {
    let mut rig = in_the_past();
    rig.presence(Presence::Offline).seek(Seek::Live);
    assert_eq!(rig.commands(), [Command::StopDvr]);
    assert_eq!(rig.phase(), Phase::Offline);
    rig.seek(Seek::To(1_000.0));
    assert_eq!(rig.commands(), [], "nothing to go back to");
    let mut rig = in_the_past();
    rig.presence(Presence::Offline).dvr(DvrNews::Buffering);
    rig.wait(DVR_STUCK_MS);
    assert_eq!(rig.commands(), [Command::StopDvr]);
    assert_eq!(rig.phase(), Phase::Offline);
}

#[test]
fn a_lost_publisher_does_not_end_the_past() {
    let mut rig = in_the_past();
    rig.presence(LOST).wait(5_000);
    assert_eq!(rig.phase(), Phase::Playing);
    rig.dvr(DvrNews::Buffering).wait(20_000);
    assert_eq!(rig.phase(), Phase::Reconnecting);
    assert_eq!(rig.commands(), []);
    rig.presence(LIVE).dvr(DvrNews::Playing);
    assert_eq!(rig.phase(), Phase::Playing);
    assert_eq!(rig.commands(), []);
}

#[test]
fn another_broadcast_takes_its_viewers_along() {
    let mut rig = in_the_past();
    rig.presence(LIVE_AGAIN).wait(250);
    assert_eq!(rig.commands(), [Command::OpenRtc(1)]);
    rig.rtc(1, RtcNews::Frame);
    assert_eq!(
        rig.commands(),
        [Command::Show(Transport::WebRtc), Command::StopDvr]
    );
    let mut rig = in_the_past();
    rig.presence(Presence::Missing);
    assert_eq!(rig.commands(), [Command::StopDvr]);
    assert_eq!(rig.phase(), Phase::Missing);
}
