use std::collections::BTreeSet;

use serde_json::{Value, json};
use weir_protocol::room::{
    Joined, OneMessage, PollVote, Presence, RoomLimits, RoomSettings, Typing, You,
};

use super::*;
use crate::room::lines::tests::message;

const SEED: u64 = 0x1234_5678_9abc_def1;

struct Bench {
    client: Client,
    now: u64,
}

impl Bench {
    fn new() -> Self {
        let room = "stream:demo".parse().expect("room");
        Self {
            client: Client::new(room, None, SEED, 0),
            now: 0,
        }
    }

    /// In the room, up to date at `seq`.
    fn joined(seq: u64) -> Self {
        let mut bench = Self::new();
        assert_eq!(bench.commands(), [Command::Connect(0)]);
        bench.client.handle_open(0, 0);
        bench.said();
        bench.hear(0, joined(false));
        bench.hear(0, history(&[1, 2]));
        bench.hear_ready(0, seq);
        bench
    }

    fn commands(&mut self) -> Vec<Command> {
        std::iter::from_fn(|| self.client.poll_command()).collect()
    }

    /// What is said, as JSON.
    fn said(&mut self) -> Vec<Value> {
        let said = |command| match command {
            Command::Say(_, text) => serde_json::from_str(&text).ok(),
            _ => None,
        };
        self.commands().into_iter().filter_map(said).collect()
    }

    fn hear(&mut self, id: LinkId, message: ServerMessage) {
        self.client.handle_message(id, message, self.now);
    }

    fn hear_json(&mut self, id: LinkId, text: Value) {
        let message = serde_json::from_value(text).expect("message of the server");
        self.hear(id, message);
    }

    fn hear_ready(&mut self, id: LinkId, seq: u64) {
        self.hear_json(id, json!({"type": "ready", "seq": seq}));
    }

    fn wait(&mut self, ms: u64) {
        self.now += ms;
        self.client.handle_time(self.now);
    }

    fn seqs(&self) -> Vec<u64> {
        let list = self.client.state.lines.list();
        list.iter().map(|line| line.seq).collect()
    }
}

fn joined(resumed: bool) -> ServerMessage {
    ServerMessage::Joined(Box::new(Joined {
        r#ref: None,
        room: "stream:demo".parse().expect("room"),
        protocol: 1,
        you: You {
            id: Some("user:ann".into()),
            name: Some("Ann".into()),
            guest_secret: None,
            may_send: true,
            moderator: false,
            until: None,
        },
        resumed,
        settings: RoomSettings::default(),
        presence: Presence::default(),
        typing: Typing::default(),
        pinned: Vec::new(),
        stream: None,
        limits: RoomLimits {
            text_chars: 500,
            frame_bytes: 8_192,
            messages_burst: 10,
            messages_per_minute: 60,
            edit_window_ms: 300_000,
        },
        polls: Vec::new(),
        emotes: Vec::new(),
    }))
}

fn history(seqs: &[u64]) -> ServerMessage {
    let messages: Vec<_> = seqs.iter().map(|seq| message(*seq)).collect();
    serde_json::from_value(json!({"type": "history", "messages": messages})).expect("history")
}

fn event(seq: u64) -> Value {
    json!({"type": "events", "events": [
        {"seq": seq, "at": 1, "type": "message", "message": message(seq)}]})
}

#[test]
fn a_client_joins_reads_and_is_ready() {
    let bench = Bench::joined(10);
    assert_eq!(bench.client.state.link, Link::Ready);
    assert_eq!(bench.seqs(), [1, 2]);
}

#[test]
fn after_a_cut_it_asks_for_what_it_missed() {
    let mut bench = Bench::joined(10);
    bench.hear_json(0, event(14));
    bench.client.handle_lost(0, 0);
    assert_eq!(bench.client.state.link, Link::Lost);
    bench.wait(400);
    assert_eq!(bench.commands(), [], "not at once");
    bench.wait(600);
    assert_eq!(bench.commands(), [Command::Connect(1)]);
    bench.client.handle_open(1, bench.now);
    let join = bench.said().remove(0);
    assert_eq!(
        (&join["type"], &join["since"]),
        (&json!("join"), &json!(14))
    );
    bench.hear(1, joined(true));
    bench.hear_json(1, event(15));
    bench.hear_ready(1, 15);
    assert_eq!(
        bench.seqs(),
        [1, 2, 14, 15],
        "nothing missed, nothing twice"
    );
    assert_eq!(bench.client.state.link, Link::Ready);
}

#[test]
fn who_was_away_for_too_long_starts_afresh() {
    let mut bench = Bench::joined(10);
    bench.client.handle_lost(0, 0);
    bench.wait(1_000);
    bench.commands();
    bench.client.handle_open(1, bench.now);
    bench.hear(1, joined(false));
    bench.hear(1, history(&[900]));
    assert_eq!(bench.seqs(), [900]);
    // Cut before it was ready: its number is not to be trusted.
    bench.hear_json(1, event(901));
    bench.client.handle_lost(1, bench.now);
    bench.wait(5_000);
    bench.commands();
    bench.client.handle_open(2, bench.now);
    assert_eq!(bench.said()[0].get("since"), None);
}

#[test]
fn a_resync_forgets_and_reads_anew() {
    let mut bench = Bench::joined(10);
    bench.hear_json(0, json!({"type": "resync", "detail": "too slow"}));
    assert!(bench.seqs().is_empty());
    bench.hear(0, history(&[500, 501]));
    bench.hear_ready(0, 501);
    assert_eq!(bench.seqs(), [500, 501]);
    bench.client.handle_lost(0, 0);
    bench.wait(1_000);
    bench.client.handle_open(1, bench.now);
    assert_eq!(bench.said()[0]["since"], json!(501));
}

#[test]
fn a_text_without_an_answer_goes_out_again_under_the_same_name() {
    let mut bench = Bench::joined(10);
    bench.client.send("hello".into(), None);
    let first = bench.said().remove(0);
    bench.client.handle_lost(0, 0);
    assert_eq!(bench.client.state.outbox.len(), 1);
    bench.wait(1_000);
    bench.commands();
    bench.client.handle_open(1, bench.now);
    bench.commands();
    bench.hear(1, joined(true));
    bench.hear_ready(1, 10);
    let again = bench.said().remove(0);
    assert_eq!(first, again);
    let kept = message(11);
    bench.hear_json(
        1,
        json!({"type": "ack", "ref": again["ref"], "id": kept.id, "seq": 11}),
    );
    assert_eq!(
        bench.client.state.outbox.len(),
        1,
        "shown until its event comes"
    );
    bench.hear_json(1, event(11));
    assert_eq!(bench.client.state.outbox, []);
    // Nothing is left to send.
    bench.client.handle_lost(1, bench.now);
    bench.wait(5_000);
    bench.client.handle_open(2, bench.now);
    bench.commands();
    bench.hear(2, joined(true));
    bench.hear_ready(2, 11);
    assert_eq!(bench.said(), Vec::<Value>::new());
}

#[test]
fn a_text_stands_there_once_also_when_it_is_told_before_it_is_acknowledged() {
    let mut bench = Bench::joined(10);
    bench.client.send("number 11".into(), None);
    bench.client.send("number 12".into(), None);
    let asked = bench.said();
    bench.hear_json(0, event(11));
    let texts = |bench: &Bench| -> Vec<String> {
        let all = bench.client.state.on_the_way();
        all.into_iter().map(|it| it.text).collect()
    };
    assert_eq!(texts(&bench), ["number 12"]);
    // Until it is known that this was it, it would go out again.
    assert_eq!(bench.client.state.outbox.len(), 2);
    let id = message(11).id;
    bench.hear_json(0, json!({"type": "ack", "ref": asked[0]["ref"], "id": id}));
    assert_eq!(bench.client.state.outbox.len(), 1);
    assert_eq!(texts(&bench), ["number 12"]);
    // The same as an older one is another one.
    bench.client.send("number 11".into(), None);
    assert_eq!(texts(&bench), ["number 12", "number 11"]);
}

#[test]
fn what_is_written_while_away_waits_for_the_connection() {
    let mut bench = Bench::joined(10);
    bench.client.handle_lost(0, 0);
    bench.client.send("later".into(), None);
    assert_eq!(bench.said(), Vec::<Value>::new());
    bench.wait(1_000);
    bench.client.handle_open(1, bench.now);
    bench.commands();
    bench.hear(1, joined(true));
    bench.hear_ready(1, 10);
    assert_eq!(bench.said()[0]["text"], "later");
}

#[test]
fn a_refused_text_comes_back_to_the_form() {
    let mut bench = Bench::joined(10);
    bench.client.send("hello".into(), None);
    let sent = bench.said().remove(0);
    let refusal = json!({"type": "error", "ref": sent["ref"], "code": "slow_mode",
        "detail": "wait", "retry_after_ms": 4_000});
    bench.hear_json(0, refusal);
    assert_eq!(bench.client.state.outbox, []);
    let returned = bench.client.state.returned.clone().expect("returned");
    assert_eq!(returned.text, "hello");
    assert!(matches!(
        bench.client.state.note(Place::Chat),
        Some(Note::Refused {
            code: RoomErrorCode::SlowMode,
            until: Some(4_000),
            ..
        })
    ));
    bench.wait(4_000);
    assert_eq!(
        bench.client.state.note(Place::Chat),
        None,
        "it may be tried again"
    );
}

#[test]
fn a_busy_server_is_asked_again() {
    let mut bench = Bench::joined(10);
    bench.client.send("hello".into(), None);
    let sent = bench.said().remove(0);
    bench.hear_json(
        0,
        json!({"type": "error", "ref": sent["ref"], "code": "unavailable", "detail": "busy"}),
    );
    bench.wait(SEND_AGAIN_MS);
    assert_eq!(bench.said(), [sent]);
}

#[test]
fn a_silent_connection_is_asked_and_then_given_up() {
    let mut bench = Bench::joined(10);
    bench.wait(ASK_AFTER_MS);
    bench.wait(250);
    assert_eq!(bench.said(), [json!({"type": "ping"})]);
    bench.hear_json(0, json!({"type": "pong"}));
    bench.wait(ASK_AFTER_MS + 500);
    assert_eq!(bench.said().len(), 1);
    bench.wait(PATIENCE_MS);
    assert_eq!(bench.commands(), [Command::Close(0)]);
    assert_eq!(bench.client.state.link, Link::Lost);
    // Late news of the dead connection change nothing.
    bench.hear_json(0, event(77));
    assert_eq!(bench.seqs(), [1, 2]);
}

#[test]
fn ends_are_final_or_not() {
    for (reason, connects) in [("banned", false), ("gone", false), ("token_ended", true)] {
        let mut bench = Bench::joined(10);
        bench.hear_json(
            0,
            json!({"type": "closed", "reason": reason, "detail": "x"}),
        );
        bench.wait(60_000);
        let commands = bench.commands();
        assert_eq!(
            commands.contains(&Command::Connect(1)),
            connects,
            "{reason}: {commands:?}"
        );
    }
    let mut bench = Bench::joined(10);
    bench.hear_json(
        0,
        json!({"type": "closed", "reason": "changed", "detail": "x"}),
    );
    let join = bench.said().remove(0);
    assert_eq!(
        (&join["type"], &join["since"]),
        (&json!("join"), &json!(10))
    );
}

#[test]
fn a_room_that_is_not_for_this_client_is_left_alone_until_somebody_logs_in() {
    let mut bench = Bench::new();
    bench.commands();
    bench.client.handle_open(0, 0);
    let join = bench.said().remove(0);
    bench.hear_json(
        0,
        json!({"type": "error", "ref": join["ref"], "code": "not_found", "detail": "no room"}),
    );
    assert!(matches!(
        bench.client.state.link,
        Link::Refused(RoomErrorCode::NotFound, _)
    ));
    bench.commands();
    bench.wait(120_000);
    assert_eq!(bench.commands(), []);
    bench.client.handle_identity(bench.now);
    assert_eq!(bench.commands(), [Command::Connect(1)]);
}

#[test]
fn answers_change_what_only_this_client_knows() {
    let mut bench = Bench::joined(10);
    let poll = json!({"id": "5", "question": "?", "options": [{"text": "a", "votes": 0},
        {"text": "b", "votes": 0}], "voters": 0, "opened_at": 1});
    let told = |poll: &Value| {
        let mut event = json!({"at": 1, "type": "poll"});
        event["poll"] = poll.clone();
        json!({"type": "events", "events": [event]})
    };
    bench.hear_json(0, told(&poll));
    let vote = PollVote {
        poll: "5".parse().expect("id"),
        choices: vec![1],
    };
    bench.client.ask(ClientMessage::VotePoll(vote));
    let asked = bench.said().remove(0);
    bench.hear_json(0, json!({"type": "ack", "ref": asked["ref"]}));
    assert_eq!(bench.client.state.polls[0].chosen, Some(vec![1]));
    // News for everybody do not take it away.
    bench.hear_json(0, told(&poll));
    assert_eq!(bench.client.state.polls[0].chosen, Some(vec![1]));

    let id = message(2).id;
    bench.client.ask(ClientMessage::Delete(OneMessage { id }));
    let asked = bench.said().remove(0);
    bench.hear_json(0, json!({"type": "ack", "ref": asked["ref"], "id": id}));
    let line = bench.client.state.lines.find(id).expect("its place stays");
    assert!(line.deleted && line.text.is_empty());
}

#[test]
fn questions_that_went_while_nobody_heard_of_it_go_here_too() {
    let mut bench = Bench::joined(10);
    let question = |id: &str| {
        json!({"id": id, "author": {"id": "user:bob", "name": "Bob"}, "text": "?", "state": "open",
            "votes": 0, "voted": id == "2", "asked_at": 1, "version": 1})
    };
    let answer = |ids: &[&str]| {
        let questions: Vec<_> = ids.iter().map(|id| question(id)).collect();
        json!({"type": "questions", "questions": questions})
    };
    let ids = |bench: &Bench| -> BTreeSet<String> {
        let list = bench.client.state.questions.iter().flatten();
        list.map(|it| it.id.to_string()).collect()
    };
    let set = |ids: [&str; 2]| ids.map(str::to_owned).into();
    bench.client.ask_questions();
    bench.hear_json(0, answer(&["1", "2"]));
    assert_eq!(ids(&bench), set(["1", "2"]));
    bench.client.handle_lost(0, bench.now);
    bench.wait(60_000);
    let Some(Command::Connect(id)) = bench.commands().pop() else {
        panic!("it connects again");
    };
    bench.client.handle_open(id, bench.now);
    bench.client.handle_message(id, joined(true), bench.now);
    bench.hear_ready(id, 10);
    // Between the question and its answer somebody asked another one.
    let told = json!({"type": "events", "events": [{"at": 1, "type": "questions",
        "questions": [question("3")]}]});
    bench.hear_json(id, told);
    bench.hear_json(id, answer(&["2"]));
    assert_eq!(ids(&bench), set(["2", "3"]));
}

#[test]
fn somebody_else_has_done_nothing_yet() {
    let mut bench = Bench::joined(10);
    bench.client.ask_questions();
    bench.hear_json(
        0,
        json!({"type": "questions", "questions": [{"id": "1", "author": {"id": "user:bob",
            "name": "Bob"}, "text": "?", "state": "open", "votes": 1, "voted": true, "asked_at": 1, "version": 1}]}),
    );
    let poll = json!({"id": "5", "question": "?", "options": [{"text": "a", "votes": 1},
        {"text": "b", "votes": 0}], "voters": 1, "opened_at": 1, "chosen": [0]});
    bench.hear_json(
        0,
        json!({"type": "events", "events": [{"at": 1, "type": "poll", "poll": poll}]}),
    );
    let own = |bench: &Bench| {
        let state = &bench.client.state;
        let voted = state.questions.iter().flatten().any(|it| it.voted);
        (state.polls[0].chosen.clone(), voted)
    };
    assert_eq!(own(&bench), (Some(vec![0]), true));
    bench.client.handle_identity(bench.now);
    assert_eq!(own(&bench), (None, false));
}

#[test]
fn what_is_asked_without_a_connection_is_said_so() {
    let mut bench = Bench::joined(10);
    let id = message(2).id;
    bench.client.ask(ClientMessage::Pin(OneMessage { id }));
    bench.client.handle_lost(0, 0);
    assert_eq!(
        bench.client.state.note(Place::Chat),
        Some(&Note::Lost),
        "no answer will come"
    );
    bench.client.ask(ClientMessage::Pin(OneMessage { id }));
    assert_eq!(bench.client.state.note(Place::Chat), Some(&Note::Lost));
}

#[test]
fn typing_is_said_now_and_then() {
    let mut bench = Bench::joined(10);
    for now in [5_000, 5_100, 7_900, 8_100] {
        bench.client.typing(now);
    }
    assert_eq!(bench.said().len(), 2);
}

#[test]
fn reactions_float_for_a_moment() {
    let mut bench = Bench::joined(10);
    let told = json!({"type": "events", "events": [{"at": 1, "type": "reactions",
        "reactions": [{"emoji": "🎉", "count": 12}]}]});
    bench.hear_json(0, told);
    assert_eq!(bench.client.state.bursts[0].count, 12);
    bench.wait(crate::room::state::BURST_MS);
    assert_eq!(bench.client.state.bursts, []);
}
