//! Rules, bans, moderators, audit log, polls, questions, reactions and emotes.

use weir_db::{
    Asked, AuditFilter, Db, DbError, NewAuditEntry, NewBanRow, NewChatMessage, NewQuestionRow,
    NewUser, QuestionAfter, QuestionFilter, QuestionReader, Role, RoomId, RoomSubject, User,
    new_message_id,
};
use weir_protocol::room::{
    BanKind, Emote, LinkPolicy, NewPoll, PollId, QuestionId, QuestionOrder, QuestionState,
    RoomRules,
};

use crate::fixture::{TestDb, make_stream, on_both};

on_both!(
    rules_are_the_defaults_until_they_are_set_and_no_edit_is_lost,
    whatever_decides_counts_the_policy_up,
    a_newer_ban_takes_the_place_of_one_of_its_kind,
    bans_end_by_themselves_and_page,
    the_audit_log_outlives_the_room,
    a_vote_is_changed_taken_back_and_counted_once,
    nobody_votes_in_a_closed_poll,
    polls_close_at_their_end,
    questions_are_kept_once_and_voted_for_once,
    questions_page_by_votes_with_pinned_ones_first,
    only_moderators_and_the_author_see_what_is_not_public,
    reactions_count_members_once,
    emotes_have_one_code_each_within_a_limit,
);

async fn user(db: &Db, name: &str) -> User {
    let new = NewUser {
        name: name.into(),
        password_hash: "x".into(),
        role: Role::Attendee,
    };
    db.create_user(new).await.unwrap()
}

async fn room(db: &Db, slug: &str) -> RoomId {
    let stream = make_stream(db, slug).await;
    db.open_room(RoomSubject::Stream(stream.id))
        .await
        .unwrap()
        .id
}

async fn version(db: &Db, room: RoomId) -> (i64, i64) {
    let (rooms, site) = db.policy_versions(&[room]).await.unwrap();
    (rooms[&room], site)
}

fn ban(room: RoomId, kind: BanKind, member: &str, by: &User) -> NewBanRow {
    NewBanRow {
        room,
        kind,
        member_key: member.into(),
        user: None,
        name: "Bob".into(),
        address_hash: Some("abc".into()),
        reason: "spam".into(),
        by: by.id,
        ends_at: None,
    }
}

async fn rules_are_the_defaults_until_they_are_set_and_no_edit_is_lost(test: TestDb) {
    let db = &test.db;
    let room = room(db, "one").await;
    let mut rules = db.room_rules(room).await.unwrap();
    assert_eq!(rules, RoomRules::default());
    rules.slow_ms = 5_000;
    rules.links = LinkPolicy::Hosts;
    rules.blocked_words = vec!["späm".into()];
    assert_eq!(db.set_room_rules(room, &rules).await.unwrap(), Some(1));
    // Of the version that is gone.
    assert_eq!(db.set_room_rules(room, &rules).await.unwrap(), None);
    rules.version = 1;
    assert_eq!(db.room_rules(room).await.unwrap(), rules);
    rules.chat = false;
    assert_eq!(db.set_room_rules(room, &rules).await.unwrap(), Some(2));
}

async fn whatever_decides_counts_the_policy_up(test: TestDb) {
    let db = &test.db;
    let room = room(db, "one").await;
    let other = room_of_another(db).await;
    let ann = user(db, "ann").await;
    assert_eq!(version(db, room).await, (0, 0));
    db.set_room_rules(room, &RoomRules::default())
        .await
        .unwrap();
    assert_eq!(version(db, room).await, (1, 0));
    assert!(db.add_room_moderator(room, ann.id).await.unwrap());
    assert!(!db.add_room_moderator(room, ann.id).await.unwrap());
    assert_eq!(db.room_moderator_ids(room).await.unwrap(), [ann.id]);
    assert_eq!(db.room_moderators(room).await.unwrap()[0].name, "ann");
    assert_eq!(version(db, room).await, (3, 0));
    assert!(db.remove_room_moderator(room, ann.id).await.unwrap());
    assert!(!db.remove_room_moderator(room, ann.id).await.unwrap());
    db.add_ban(&ban(room, BanKind::Ban, "guest:a", &ann))
        .await
        .unwrap();
    assert_eq!(version(db, room).await, (6, 0));
    assert_eq!(db.lift_bans(room, "guest:a", None).await.unwrap(), 1);
    assert_eq!(version(db, room).await, (7, 0));
    assert_eq!(version(db, other).await, (0, 0));
}

async fn room_of_another(db: &Db) -> RoomId {
    room(db, "other").await
}

async fn a_newer_ban_takes_the_place_of_one_of_its_kind(test: TestDb) {
    let db = &test.db;
    let room = room(db, "one").await;
    let ann = user(db, "ann").await;
    let bob = user(db, "bob").await;
    let mut new = ban(room, BanKind::Timeout, "user:1", &ann);
    new.user = Some(bob.id);
    let first = db.add_ban(&new).await.unwrap();
    let second = db.add_ban(&new).await.unwrap();
    new.kind = BanKind::Shadow;
    let third = db.add_ban(&new).await.unwrap();
    let mut ids: Vec<_> = db
        .all_bans(room)
        .await
        .unwrap()
        .iter()
        .map(|row| row.ban.id)
        .collect();
    ids.sort();
    assert_eq!(ids, [second, third]);
    assert_eq!(db.ban(room, first).await.unwrap(), None);
    let row = db.ban(room, third).await.unwrap().unwrap();
    assert_eq!(
        (
            row.ban.member.as_str(),
            row.ban.by.as_deref(),
            row.ban.address
        ),
        ("user:bob", Some("ann"), true)
    );
    assert_eq!(
        db.lift_bans(room, "user:1", Some(BanKind::Shadow))
            .await
            .unwrap(),
        1
    );
    assert_eq!(db.all_bans(room).await.unwrap().len(), 1);
}

async fn bans_end_by_themselves_and_page(test: TestDb) {
    let db = &test.db;
    let room = room(db, "one").await;
    let ann = user(db, "ann").await;
    let mut ended = ban(room, BanKind::Timeout, "guest:a", &ann);
    ended.ends_at = Some(1);
    db.add_ban(&ended).await.unwrap();
    assert_eq!(db.all_bans(room).await.unwrap(), []);
    for member in ["guest:b", "guest:c", "guest:d"] {
        db.add_ban(&ban(room, BanKind::Ban, member, &ann))
            .await
            .unwrap();
    }
    let page = db.bans_page(room, None, 2).await.unwrap();
    let members: Vec<_> = page.iter().map(|row| row.ban.member.as_str()).collect();
    assert_eq!(members, ["guest:d", "guest:c"]);
    let rest = db.bans_page(room, Some(page[1].ban.id), 2).await.unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].ban.member, "guest:b");
}

async fn the_audit_log_outlives_the_room(test: TestDb) {
    let db = &test.db;
    let stream = make_stream(db, "one").await;
    let room = db
        .open_room(RoomSubject::Stream(stream.id))
        .await
        .unwrap()
        .id;
    let ann = user(db, "ann").await;
    for action in ["ban", "purge"] {
        let entry = NewAuditEntry {
            room: Some(room),
            room_name: "stream:one".into(),
            by: ann.id,
            by_name: "ann".into(),
            action,
            target: Some("user:bob".into()),
            target_name: None,
            reason: Some("spam".into()),
        };
        db.log_action(&entry).await.unwrap();
    }
    let page = db.audit_page(room, None, 1).await.unwrap();
    assert_eq!((page.len(), page[0].action.as_str()), (1, "purge"));
    let rest = db.audit_page(room, Some(page[0].id), 5).await.unwrap();
    assert_eq!((rest.len(), rest[0].action.as_str()), (1, "ban"));
    db.delete_stream(&stream.slug).await.unwrap();
    assert_eq!(db.audit_page(room, None, 5).await.unwrap(), []);
    let all = async |by, action, before| {
        let filter = AuditFilter { by, action };
        let lines = db.site_audit(&filter, before, 5).await.unwrap();
        lines
            .iter()
            .map(|line| line.action.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(all(None, None, None).await, ["purge", "ban"]);
    assert_eq!(all(None, None, Some(page[0].id)).await, ["ban"]);
    assert_eq!(all(Some("ann"), Some("ban"), None).await, ["ban"]);
    assert_eq!(all(Some("bob"), None, None).await, [""; 0]);
    assert_eq!(all(Some("' OR 1=1"), None, None).await, [""; 0]);
}

fn two_or_three(multiple: bool, seconds: Option<u32>) -> NewPoll {
    NewPoll {
        question: "Which?".into(),
        options: vec!["a".into(), "b".into(), "c".into()],
        multiple,
        seconds,
    }
}

async fn results(db: &Db, room: RoomId, poll: PollId) -> (Vec<u64>, u64) {
    let poll = db.polls(room, &[poll]).await.unwrap().remove(0);
    (
        poll.options.iter().map(|option| option.votes).collect(),
        poll.voters,
    )
}

async fn a_vote_is_changed_taken_back_and_counted_once(test: TestDb) {
    let db = &test.db;
    let room = room(db, "one").await;
    let ann = user(db, "ann").await;
    let poll = db
        .open_poll(room, ann.id, &two_or_three(true, None), None)
        .await
        .unwrap()
        .id;
    assert_eq!(db.poll_shape(room, poll).await.unwrap(), Some((3, true)));
    assert!(db.vote(room, poll, "user:1", &[0, 2]).await.unwrap());
    assert!(db.vote(room, poll, "user:1", &[0, 2, 2]).await.unwrap());
    assert!(db.vote(room, poll, "guest:a", &[0]).await.unwrap());
    assert_eq!(results(db, room, poll).await, (vec![2, 0, 1], 2));
    assert!(db.vote(room, poll, "user:1", &[1]).await.unwrap());
    assert_eq!(results(db, room, poll).await, (vec![1, 1, 0], 2));
    assert_eq!(db.chosen(poll, "user:1").await.unwrap(), [1]);
    assert!(db.vote(room, poll, "user:1", &[]).await.unwrap());
    assert_eq!(results(db, room, poll).await, (vec![1, 0, 0], 1));
    assert_eq!(db.open_polls(room).await.unwrap().len(), 1);
    assert!(db.delete_poll(room, poll).await.unwrap());
    assert_eq!(db.poll_shape(room, poll).await.unwrap(), None);
}

async fn nobody_votes_in_a_closed_poll(test: TestDb) {
    let db = &test.db;
    let room = room(db, "one").await;
    let elsewhere = room_of_another(db).await;
    let ann = user(db, "ann").await;
    let poll = db
        .open_poll(room, ann.id, &two_or_three(false, None), None)
        .await
        .unwrap()
        .id;
    assert!(!db.vote(elsewhere, poll, "user:1", &[0]).await.unwrap());
    assert!(db.vote(room, poll, "user:1", &[0]).await.unwrap());
    assert!(db.close_poll(room, poll).await.unwrap());
    assert!(!db.close_poll(room, poll).await.unwrap());
    assert!(!db.vote(room, poll, "user:1", &[1]).await.unwrap());
    assert_eq!(results(db, room, poll).await, (vec![1, 0, 0], 1));
    assert_eq!(db.open_polls(room).await.unwrap(), []);
}

async fn polls_close_at_their_end(test: TestDb) {
    let db = &test.db;
    let room = room(db, "one").await;
    let ann = user(db, "ann").await;
    db.open_poll(room, ann.id, &two_or_three(false, None), None)
        .await
        .unwrap();
    assert_eq!(db.next_poll_end().await.unwrap(), None);
    let poll = db
        .open_poll(room, ann.id, &two_or_three(false, Some(60)), None)
        .await
        .unwrap();
    let end = poll.ends_at.unwrap();
    assert_eq!(db.next_poll_end().await.unwrap(), Some(end));
    assert_eq!(db.close_ended_polls(end - 1).await.unwrap(), []);
    assert_eq!(db.close_ended_polls(end).await.unwrap(), [(room, poll.id)]);
    let closed = db.polls(room, &[poll.id]).await.unwrap().remove(0);
    assert_eq!(closed.closed_at, Some(end));
    assert_eq!(db.polls_page(room, None, 1).await.unwrap()[0].id, poll.id);
    assert_eq!(
        db.polls_page(room, Some(poll.id), 5).await.unwrap().len(),
        1
    );
}

async fn question(db: &Db, room: RoomId, author: &str, text: &str, state: QuestionState) -> Asked {
    let new = NewQuestionRow {
        room,
        author: None,
        author_key: author.into(),
        guest_name: Some("Guest".into()),
        client_ref: Some(text.into()),
        text: text.into(),
        state,
    };
    db.ask(&new).await.unwrap()
}

fn id(asked: Asked) -> QuestionId {
    match asked {
        Asked::New(id) | Asked::Before(id) => id,
    }
}

const ANYBODY: QuestionReader<'static> = QuestionReader {
    moderator: false,
    key: None,
};

async fn questions_are_kept_once_and_voted_for_once(test: TestDb) {
    let db = &test.db;
    let room = room(db, "one").await;
    let first = question(db, room, "guest:a", "why?", QuestionState::Open).await;
    let again = question(db, room, "guest:a", "why?", QuestionState::Open).await;
    assert_eq!(
        (Asked::Before(id(first)), matches!(first, Asked::New(_))),
        (again, true)
    );
    let id = id(first);
    assert!(db.upvote(room, id, "user:1", true).await.unwrap().unwrap());
    assert!(!db.upvote(room, id, "user:1", true).await.unwrap().unwrap());
    assert!(db.upvote(room, id, "user:2", true).await.unwrap().unwrap());
    let (seen, author) = db
        .question(room, id, Some("user:1"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (seen.votes, seen.voted, author.as_str()),
        (2, true, "guest:a")
    );
    assert!(db.upvote(room, id, "user:1", false).await.unwrap().unwrap());
    assert!(!db.upvote(room, id, "user:1", false).await.unwrap().unwrap());
    let (seen, _) = db
        .question(room, id, Some("user:1"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((seen.votes, seen.voted), (1, false));
    assert!(
        db.set_question_state(room, id, QuestionState::Dismissed, Some(1))
            .await
            .unwrap()
    );
    assert!(
        !db.set_question_state(room, id, QuestionState::Open, Some(1))
            .await
            .unwrap()
    );
    assert_eq!(db.upvote(room, id, "user:1", true).await.unwrap(), None);
    assert!(db.delete_question(room, id).await.unwrap());
    assert!(!db.delete_question(room, id).await.unwrap());
}

async fn questions_page_by_votes_with_pinned_ones_first(test: TestDb) {
    let db = &test.db;
    let room = room(db, "one").await;
    let mut ids = Vec::new();
    for text in ["none", "two", "one", "pinned", "none too"] {
        ids.push(id(
            question(db, room, "guest:a", text, QuestionState::Open).await
        ));
    }
    for (question, voter) in [(1, "user:1"), (1, "user:2"), (2, "user:1")] {
        assert!(
            db.upvote(room, ids[question], voter, true)
                .await
                .unwrap()
                .unwrap()
        );
    }
    assert!(
        db.set_question_state(room, ids[3], QuestionState::Pinned, None)
            .await
            .unwrap()
    );
    for (order, expected) in [
        (
            QuestionOrder::Votes,
            ["pinned", "two", "one", "none too", "none"],
        ),
        (
            QuestionOrder::Newest,
            ["none too", "pinned", "one", "two", "none"],
        ),
    ] {
        let mut texts = Vec::new();
        let mut filter = QuestionFilter {
            order,
            ..QuestionFilter::default()
        };
        loop {
            let page = db.questions_page(room, ANYBODY, filter, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            filter.after = Some(QuestionAfter {
                pinned: last.state == QuestionState::Pinned,
                votes: last.votes,
                id: last.id,
            });
            texts.extend(page.into_iter().map(|question| question.text));
        }
        assert_eq!(texts, expected);
    }
}

async fn only_moderators_and_the_author_see_what_is_not_public(test: TestDb) {
    let db = &test.db;
    let room = room(db, "one").await;
    question(db, room, "guest:a", "mine", QuestionState::Waiting).await;
    let see = async |moderator, key| {
        let reader = QuestionReader { moderator, key };
        let filter = QuestionFilter::default();
        db.questions_page(room, reader, filter, 9)
            .await
            .unwrap()
            .len()
    };
    assert_eq!(see(false, None).await, 0);
    assert_eq!(see(false, Some("guest:b")).await, 0);
    assert_eq!(see(false, Some("guest:a")).await, 1);
    assert_eq!(see(true, None).await, 1);
}

async fn reactions_count_members_once(test: TestDb) {
    let db = &test.db;
    let room = room(db, "one").await;
    let message = NewChatMessage {
        id: new_message_id(),
        room,
        seq: 1,
        author: None,
        author_key: "guest:a".into(),
        guest_name: Some("A".into()),
        moderator: false,
        client_ref: "1".into(),
        text: "hi".into(),
        reply_to: None,
        mentions: Vec::new(),
        emotes: Vec::new(),
        hidden: false,
        sent_at: 1,
    };
    db.append_chat(std::slice::from_ref(&message), &[(room, 1)])
        .await
        .unwrap();
    let react = async |key: &str, emoji: &str, on| {
        db.react_to_message(room, message.id, key, emoji, on, 2)
            .await
    };
    assert!(react("user:1", "👍", true).await.unwrap());
    assert!(!react("user:1", "👍", true).await.unwrap());
    assert!(react("user:2", "👍", true).await.unwrap());
    assert!(react("user:2", "🎉", true).await.unwrap());
    assert!(matches!(
        react("user:2", "🔥", true).await,
        Err(DbError::Conflict { .. })
    ));
    let counts = async || {
        let reactions = db
            .message_reactions(&[message.id])
            .await
            .unwrap()
            .remove(0)
            .reactions;
        reactions
            .into_iter()
            .map(|one| (one.emoji, one.count))
            .collect::<Vec<_>>()
    };
    assert_eq!(counts().await, [("👍".to_owned(), 2), ("🎉".to_owned(), 1)]);
    assert!(react("user:2", "👍", false).await.unwrap());
    assert!(!react("user:2", "👍", false).await.unwrap());
    assert_eq!(counts().await.len(), 2);
    let elsewhere = db
        .react_to_message(room, new_message_id(), "user:1", "👍", true, 2)
        .await;
    assert!(matches!(elsewhere, Err(DbError::NotFound { .. })));
}

async fn emotes_have_one_code_each_within_a_limit(test: TestDb) {
    let db = &test.db;
    let room = room(db, "one").await;
    let ann = user(db, "ann").await;
    let emote = |code: &str| Emote {
        code: code.into(),
        image: "0".repeat(64),
    };
    db.add_emote(Some(room), &emote("wave"), ann.id, 2)
        .await
        .unwrap();
    db.add_emote(None, &emote("wave"), ann.id, 2).await.unwrap();
    let twice = db.add_emote(Some(room), &emote("wave"), ann.id, 2).await;
    assert!(
        matches!(twice, Err(DbError::Conflict { what: "code" })),
        "{twice:?}"
    );
    db.add_emote(Some(room), &emote("ok"), ann.id, 2)
        .await
        .unwrap();
    let third = db.add_emote(Some(room), &emote("no"), ann.id, 2).await;
    assert!(matches!(third, Err(DbError::Invalid { .. })), "{third:?}");
    assert_eq!(
        db.emotes(Some(room)).await.unwrap(),
        [emote("ok"), emote("wave")]
    );
    assert_eq!(version(db, room).await, (2, 1));
    assert!(db.remove_emote(Some(room), "ok").await.unwrap());
    assert!(!db.remove_emote(Some(room), "ok").await.unwrap());
    assert_eq!(db.emotes(None).await.unwrap(), [emote("wave")]);
}
