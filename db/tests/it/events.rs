//! Events, places, attendance.

use std::collections::HashSet;

use weir_db::{
    Asker, Attended, Attendee, Db, DbError, Decision, Event, EventFields, EventSession, KeyHash,
    NewEventInvitation, NewRegistration, NewUser, Registered, Registrant, Registration,
    RegistrationRefusal, RegistrationsQuery, Role, SessionFields, SpeakerRow, User,
};
use weir_protocol::{Branding, EventState, EventVisibility, RegistrationStatus};

use crate::fixture::{TestDb, make_stream, on_both, slug};

on_both!(
    places_are_never_given_twice,
    who_waits_moves_up_in_order,
    a_higher_limit_serves_who_waits,
    deleted_accounts_free_their_places,
    withdrawn_and_refused,
    invitations_are_used_up,
    a_page_has_everything,
    sessions_stay_within_and_apart,
    attendance_is_added_up,
    attendance_of_what_is_gone_is_left_out,
    edits_need_the_version,
    lists_go_by_time_and_prefix,
    calendars_have_what_is_theirs,
    streams_are_watched_by_who_attends,
);

const HOUR: i64 = 3_600_000;

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_millis()).unwrap()
}

async fn user(db: &Db, name: &str) -> User {
    db.create_user(NewUser {
        name: name.into(),
        password_hash: "x".into(),
        role: Role::Speaker,
    })
    .await
    .unwrap()
}

fn fields(name: &str, limit: Option<u32>) -> EventFields {
    EventFields {
        slug: slug(name),
        title: format!("Summer of {name}"),
        description: String::new(),
        time_zone: "Europe/Berlin".into(),
        starts_at: now() + HOUR,
        ends_at: now() + 9 * HOUR,
        visibility: EventVisibility::Public,
        attendee_limit: limit,
        registration_opens_at: None,
        registration_closes_at: None,
        approval: false,
        branding: Branding::default(),
    }
}

async fn published(db: &Db, owner: &User, fields: EventFields) -> Event {
    let event = db.create_event(owner.id, fields).await.unwrap();
    let moved = db.set_event_state(event.id, &[EventState::Draft], EventState::Published);
    moved.await.unwrap().unwrap()
}

async fn register_as(
    db: &Db,
    event: &Event,
    who: Registrant,
    invitation: Option<KeyHash>,
) -> Registered {
    db.register_for_event(NewRegistration {
        event: event.id,
        who,
        name: "Somebody".into(),
        invitation,
    })
    .await
    .unwrap()
}

fn guest(n: usize) -> Registrant {
    Registrant::Guest {
        email: format!("guest{n}@example.org"),
        ticket: KeyHash::of(&format!("ticket {n}")),
    }
}

async fn made(db: &Db, event: &Event, who: Registrant) -> Registration {
    match register_as(db, event, who, None).await {
        Registered::Done { registration, .. } => registration,
        Registered::Refused(why) => panic!("{why:?}"),
    }
}

fn session_fields(name: &str, event: &Event, from: i64, to: i64) -> SessionFields {
    SessionFields {
        slug: slug(name),
        title: format!("Session {name}"),
        description: String::new(),
        starts_at: event.fields.starts_at + from,
        ends_at: event.fields.starts_at + to,
        stage: String::new(),
        position: 0,
        stream: None,
        stream_agreed: false,
    }
}

async fn session(db: &Db, event: &Event, name: &str, from: i64, to: i64) -> EventSession {
    let fields = session_fields(name, event, from, to);
    db.create_event_session(event.id, fields, &[])
        .await
        .unwrap()
}

async fn places_are_never_given_twice(test: TestDb) {
    let owner = user(&test.db, "otto").await;
    let event = published(&test.db, &owner, fields("race", Some(10))).await;
    let second = Db::open(&test.url).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..50 {
        let db = if n % 2 == 0 { &test.db } else { &second }.clone();
        let event = event.clone();
        tasks.spawn(async move { made(&db, &event, guest(n)).await.status });
    }
    let outcomes = tasks.join_all().await;
    let confirmed = |it: &&RegistrationStatus| **it == RegistrationStatus::Confirmed;
    assert_eq!(outcomes.iter().filter(confirmed).count(), 10);
    let totals = test.db.event_totals(event.id).await.unwrap();
    assert_eq!((totals.confirmed, totals.waiting), (10, 40));
}

async fn who_waits_moves_up_in_order(test: TestDb) {
    let db = &test.db;
    let owner = user(db, "otto").await;
    let event = published(db, &owner, fields("queue", Some(2))).await;
    let mut all = Vec::new();
    for n in 0..6 {
        all.push(made(db, &event, guest(n)).await);
    }
    assert_eq!(db.waiting_position(all[2].id).await.unwrap(), 1);
    assert_eq!(db.waiting_position(all[5].id).await.unwrap(), 4);
    assert_eq!(db.waiting_position(all[0].id).await.unwrap(), 0);
    for (freed, next) in [(0, 2), (1, 3), (2, 4)] {
        let outcome = db
            .decide_registration(event.id, all[freed].id, Decision::Cancel)
            .await;
        let (cancelled, promoted) = outcome.unwrap().unwrap();
        assert_eq!(cancelled.status, RegistrationStatus::Cancelled);
        let promoted: Vec<_> = promoted.iter().map(|it| it.id).collect();
        assert_eq!(promoted, [all[next].id]);
    }
    // Somebody who waits and leaves frees no place.
    let outcome = db
        .decide_registration(event.id, all[5].id, Decision::Cancel)
        .await;
    assert_eq!(outcome.unwrap().unwrap().1, []);
    // Whoever comes back is at the end.
    let outsider = made(db, &event, guest(6)).await;
    let back = made(db, &event, guest(0)).await;
    assert_eq!(
        (back.id, back.status),
        (all[0].id, RegistrationStatus::Waiting)
    );
    assert!(
        db.waiting_position(back.id).await.unwrap()
            > db.waiting_position(outsider.id).await.unwrap()
    );
}

async fn a_higher_limit_serves_who_waits(test: TestDb) {
    let db = &test.db;
    let owner = user(db, "otto").await;
    let mut event = published(db, &owner, fields("grows", Some(1))).await;
    for n in 0..5 {
        made(db, &event, guest(n)).await;
    }
    event.fields.attendee_limit = Some(3);
    let (event, promoted) = db
        .update_event(&event, event.version)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(promoted.len(), 2);
    let mut event = event;
    event.fields.attendee_limit = Some(1);
    let (mut event, promoted) = db
        .update_event(&event, event.version)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(promoted, []);
    assert_eq!(
        db.event_totals(event.id).await.unwrap().confirmed,
        3,
        "nobody loses a place"
    );
    event.fields.attendee_limit = None;
    let (_, promoted) = db
        .update_event(&event, event.version)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(promoted.len(), 2);
}

async fn deleted_accounts_free_their_places(test: TestDb) {
    let db = &test.db;
    let owner = user(db, "otto").await;
    let leaver = user(db, "leaver").await;
    let event = published(db, &owner, fields("one", Some(1))).await;
    made(db, &event, Registrant::User(leaver.id)).await;
    let waits = made(db, &event, guest(1)).await;
    assert_eq!(waits.status, RegistrationStatus::Waiting);
    let refused = register_as(db, &event, Registrant::User(leaver.id), None).await;
    assert_eq!(refused, Registered::Refused(RegistrationRefusal::Already));
    raw(&test, "DELETE FROM users WHERE name = 'leaver'").await;
    // The next who registers does not overtake who waits.
    let Registered::Done {
        registration,
        promoted,
    } = register_as(db, &event, guest(2), None).await
    else {
        panic!("refused")
    };
    assert_eq!(
        promoted.iter().map(|it| it.id).collect::<Vec<_>>(),
        [waits.id]
    );
    assert_eq!(registration.status, RegistrationStatus::Waiting);
}

async fn raw(test: &TestDb, sql: &'static str) {
    let pool = sqlx::AnyPool::connect(&test.url).await.unwrap();
    sqlx::raw_sql("PRAGMA foreign_keys = ON")
        .execute(&pool)
        .await
        .ok();
    let mut connection = pool.acquire().await.unwrap();
    sqlx::query("PRAGMA foreign_keys = ON")
        .execute(&mut *connection)
        .await
        .ok();
    sqlx::query(sql).execute(&mut *connection).await.unwrap();
}

async fn withdrawn_and_refused(test: TestDb) {
    let db = &test.db;
    let owner = user(db, "otto").await;
    let mut wanted = fields("picky", Some(1));
    wanted.approval = true;
    let event = published(db, &owner, wanted).await;
    let first = made(db, &event, guest(0)).await;
    assert_eq!(first.status, RegistrationStatus::Pending);
    let decide = |id, decision| db.decide_registration(event.id, id, decision);
    let (first, _) = decide(first.id, Decision::Approve).await.unwrap().unwrap();
    assert_eq!(first.status, RegistrationStatus::Confirmed);
    let second = made(db, &event, guest(1)).await;
    let (second, _) = decide(second.id, Decision::Approve).await.unwrap().unwrap();
    assert_eq!(second.status, RegistrationStatus::Waiting);
    let (_, promoted) = decide(first.id, Decision::Reject).await.unwrap().unwrap();
    assert_eq!(promoted[0].id, second.id);
    let again = register_as(db, &event, guest(0), None).await;
    assert_eq!(again, Registered::Refused(RegistrationRefusal::Rejected));

    let outcome = db.check_in(event.id, first.id, true).await.unwrap();
    assert_eq!(outcome, None, "no place, no check-in");
    let once = db
        .check_in(event.id, second.id, true)
        .await
        .unwrap()
        .unwrap();
    let twice = db
        .check_in(event.id, second.id, true)
        .await
        .unwrap()
        .unwrap();
    assert!(once.checked_in_at.is_some());
    assert_eq!(once.checked_in_at, twice.checked_in_at);

    let found = |search: &str| {
        let query = RegistrationsQuery {
            search: Some(search.into()),
            limit: 10,
            ..RegistrationsQuery::default()
        };
        async move {
            db.event_registrations(event.id, &query)
                .await
                .unwrap()
                .len()
        }
    };
    assert_eq!(found("SOME").await, 2);
    assert_eq!(found("guest1@").await, 1);
    assert_eq!(found("%").await, 0);

    let closed = db.set_event_state(event.id, &[EventState::Published], EventState::Cancelled);
    let event = closed.await.unwrap().unwrap();
    let late = register_as(db, &event, guest(9), None).await;
    assert_eq!(late, Registered::Refused(RegistrationRefusal::Closed));
}

async fn invitations_are_used_up(test: TestDb) {
    let db = &test.db;
    let owner = user(db, "otto").await;
    let mut wanted = fields("club", None);
    wanted.visibility = EventVisibility::Private;
    wanted.approval = true;
    let event = published(db, &owner, wanted).await;
    let invite = |token: &str, email: Option<&str>, max_uses, expires_at| {
        db.create_event_invitation(NewEventInvitation {
            event: event.id,
            token: KeyHash::of(token),
            email: email.map(str::to_owned),
            max_uses,
            expires_at,
        })
    };
    invite("link", None, 2, None).await.unwrap();
    invite("late", None, 2, Some(now() - 1)).await.unwrap();
    invite("mail", Some("guest5@example.org"), 1, None)
        .await
        .unwrap();
    let by = |n, token: &'static str| register_as(db, &event, guest(n), Some(KeyHash::of(token)));
    let refused = |why| Registered::Refused(why);
    assert_eq!(
        register_as(db, &event, guest(0), None).await,
        refused(RegistrationRefusal::NotInvited)
    );
    for n in 0..2 {
        let Registered::Done { registration, .. } = by(n, "link").await else {
            panic!("refused")
        };
        assert_eq!(
            registration.status,
            RegistrationStatus::Confirmed,
            "is approved by it"
        );
    }
    assert_eq!(
        by(0, "link").await,
        refused(RegistrationRefusal::Invitation)
    );
    for (n, token) in [(3, "link"), (3, "late"), (3, "mail"), (3, "guess")] {
        assert_eq!(
            by(n, token).await,
            refused(RegistrationRefusal::Invitation),
            "{token}"
        );
    }
    assert!(matches!(by(5, "mail").await, Registered::Done { .. }));
    let list = db.event_invitations(event.id, None, 10).await.unwrap();
    assert_eq!(list.iter().map(|it| it.used).collect::<Vec<_>>(), [2, 0, 1]);
    assert!(
        !db.event_invitation_holds(event.id, KeyHash::of("link"))
            .await
            .unwrap()
    );
    db.delete_event_invitation(event.id, list[0].id)
        .await
        .unwrap();
    let gone = db
        .delete_event_invitation(event.id, list[0].id)
        .await
        .unwrap_err();
    assert!(matches!(gone, DbError::NotFound { what: "invitation" }));
}

async fn a_page_has_everything(test: TestDb) {
    let db = &test.db;
    let owner = user(db, "otto").await;
    let helper = user(db, "helga").await;
    let event = published(db, &owner, fields("page", Some(1))).await;
    db.add_organiser(event.id, helper.id).await.unwrap();
    db.add_organiser(event.id, helper.id).await.unwrap();
    let stream = make_stream(db, "stage").await;
    let mut late = session_fields("late", &event, 2 * HOUR, 3 * HOUR);
    late.stream = Some(stream.id);
    let speakers = [
        SpeakerRow {
            user: Some(helper.id),
            name: None,
            bio: "helps".into(),
        },
        SpeakerRow {
            user: None,
            name: Some("Guest Star".into()),
            bio: String::new(),
        },
    ];
    db.create_event_session(event.id, late, &speakers)
        .await
        .unwrap();
    session(db, &event, "early", 0, HOUR).await;
    made(db, &event, guest(0)).await;
    made(db, &event, guest(1)).await;
    made(db, &event, Registrant::User(owner.id)).await;

    let page = |asker| async move { db.event_page(&slug("page"), asker).await.unwrap().unwrap() };
    let mine = page(Asker::User(owner.id)).await;
    assert_eq!(mine.owner.as_deref(), Some("otto"));
    assert_eq!(mine.organisers, ["helga"]);
    assert_eq!(mine.taken, 1);
    let (registration, position) = mine.registration.unwrap();
    assert_eq!(
        (registration.status, position),
        (RegistrationStatus::Waiting, 2)
    );
    let names: Vec<_> = mine
        .sessions
        .iter()
        .map(|it| it.session.fields.slug.as_str())
        .collect();
    assert_eq!(names, ["early", "late"]);
    let late = &mine.sessions[1];
    assert_eq!(late.stream.as_ref().unwrap().slug.as_str(), "stage");
    let names: Vec<_> = late.speakers.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["helga", "Guest Star"]);
    assert!(page(Asker::User(helper.id)).await.part.organises);
    assert!(page(Asker::User(helper.id)).await.part.speaks);
    assert!(page(Asker::Nobody).await.registration.is_none());
    let (of_guest, position) = page(Asker::Guest(KeyHash::of("ticket 1")))
        .await
        .registration
        .unwrap();
    assert_eq!(
        (of_guest.status, position),
        (RegistrationStatus::Waiting, 1)
    );
    assert!(
        page(Asker::Guest(KeyHash::of("x")))
            .await
            .registration
            .is_none()
    );
    db.remove_organiser(event.id, helper.id).await.unwrap();
    assert!(!db.event_part(event.id, helper.id).await.unwrap().organises);
    assert!(
        db.event_page(&slug("none"), Asker::Nobody)
            .await
            .unwrap()
            .is_none()
    );
}

async fn sessions_stay_within_and_apart(test: TestDb) {
    let db = &test.db;
    let owner = user(db, "otto").await;
    let mut event = published(db, &owner, fields("apart", None)).await;
    let first = session(db, &event, "first", 0, HOUR).await;
    let make = |fields| db.create_event_session(event.id, fields, &[]);
    let clash = make(session_fields("second", &event, HOUR / 2, HOUR))
        .await
        .unwrap_err();
    assert!(
        matches!(clash, DbError::Conflict { what: "stage" }),
        "{clash:?}"
    );
    let mut elsewhere = session_fields("second", &event, HOUR / 2, HOUR);
    elsewhere.stage = "Tent".into();
    make(elsewhere.clone()).await.unwrap();
    let taken = make(SessionFields {
        stage: "Garden".into(),
        ..elsewhere
    })
    .await
    .unwrap_err();
    assert!(
        matches!(taken, DbError::Conflict { what: "slug" }),
        "{taken:?}"
    );
    make(session_fields("after", &event, HOUR, 2 * HOUR))
        .await
        .unwrap();
    let outside = make(session_fields("outside", &event, -1, HOUR))
        .await
        .unwrap_err();
    assert!(
        matches!(
            outside,
            DbError::Invalid {
                what: "session",
                ..
            }
        ),
        "{outside:?}"
    );
    event.fields.ends_at = event.fields.starts_at + HOUR;
    let cut = db.update_event(&event, event.version).await.unwrap_err();
    assert!(
        matches!(cut, DbError::Invalid { what: "event", .. }),
        "{cut:?}"
    );

    let mut moved = first.clone();
    moved.fields.title = "Moved".into();
    let moved = db
        .update_event_session(&moved, None, 1)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(moved.version, 2);
    assert_eq!(
        db.update_event_session(&first, None, 1).await.unwrap(),
        None
    );
    let read = db
        .event_session(event.id, &slug("first"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((read.fields.title.as_str(), read.version), ("Moved", 2));
    assert!(!db.delete_event_session(first.id, Some(1)).await.unwrap());
    assert!(db.delete_event_session(first.id, Some(2)).await.unwrap());
}

async fn attendance_is_added_up(test: TestDb) {
    let db = &test.db;
    let owner = user(db, "otto").await;
    let passer = user(db, "passer").await;
    let event = published(db, &owner, fields("seen", None)).await;
    let first = session(db, &event, "first", 0, HOUR).await;
    let second = session(db, &event, "second", HOUR, 2 * HOUR).await;
    let alice = made(db, &event, guest(0)).await;
    let bob = made(db, &event, Registrant::User(owner.id)).await;
    made(db, &event, guest(2)).await;
    let was = |session: &EventSession, who, from: i64, to: i64| {
        let mut one = Attended::begin(event.id, session.id, who, 1_000_000 + from);
        one.seen_at = 1_000_000 + to;
        one
    };
    let (alice_is, bob_is) = (Attendee::Guest(alice.id), Attendee::User(owner.id));
    let mut rows = vec![
        was(&first, alice_is, 0, 10_000),
        was(&first, bob_is, 5_000, 20_000),
        was(&first, alice_is, 30_000, 40_000),
        was(&second, alice_is, 50_000, 60_000),
        was(&second, Attendee::User(passer.id), 70_000, 80_000),
    ];
    db.record_attendance(&rows).await.unwrap();
    rows[4].seen_at += 5_000;
    db.record_attendance(&rows).await.unwrap();

    let totals = db.event_totals(event.id).await.unwrap();
    assert_eq!((totals.attendees, totals.watch_ms), (3, 60_000));
    let figures = db.session_figures(event.id).await.unwrap();
    let figures: Vec<_> = figures
        .iter()
        .map(|it| (it.slug.as_str(), it.attendees, it.watch_ms, it.peak))
        .collect();
    assert_eq!(figures, [("first", 2, 35_000, 2), ("second", 2, 25_000, 1)]);

    let first_page = db.attendees(event.id, None, 2).await.unwrap();
    let rest = db
        .attendees(event.id, Some(first_page[1].cursor), 10)
        .await
        .unwrap();
    let all: Vec<_> = first_page.iter().chain(&rest).collect();
    assert_eq!(all.len(), 4);
    let cursors: HashSet<_> = all.iter().map(|it| it.cursor).collect();
    assert_eq!(cursors.len(), 4);
    let of = |user: Option<&str>, sessions: u32| {
        all.iter()
            .find(|it| it.user.as_deref() == user && it.sessions == sessions)
            .unwrap()
    };
    assert_eq!(of(None, 2).watch_ms, 30_000);
    assert_eq!(of(None, 2).first_seen_at, Some(1_000_000));
    assert_eq!(of(None, 0).last_seen_at, None);
    assert_eq!(of(Some("otto"), 1).status, Some(bob.status));
    assert_eq!(of(Some("passer"), 1).status, None);
    assert_eq!(of(Some("passer"), 1).watch_ms, 15_000);
}

async fn attendance_of_what_is_gone_is_left_out(test: TestDb) {
    let db = &test.db;
    let owner = user(db, "otto").await;
    let event = published(db, &owner, fields("gone", None)).await;
    let kept = session(db, &event, "kept", 0, HOUR).await;
    let lost = session(db, &event, "lost", HOUR, 2 * HOUR).await;
    db.delete_event_session(lost.id, None).await.unwrap();
    let was = |session: &EventSession| {
        let mut one = Attended::begin(event.id, session.id, Attendee::User(owner.id), 0);
        one.seen_at = 1_000;
        one
    };
    db.record_attendance(&[was(&lost), was(&kept)])
        .await
        .unwrap();
    assert_eq!(db.event_totals(event.id).await.unwrap().watch_ms, 1_000);
}

async fn edits_need_the_version(test: TestDb) {
    let db = &test.db;
    let owner = user(db, "otto").await;
    let event = db
        .create_event(owner.id, fields("edit", None))
        .await
        .unwrap();
    let taken = db
        .create_event(owner.id, fields("edit", None))
        .await
        .unwrap_err();
    assert!(
        matches!(taken, DbError::Conflict { what: "slug" }),
        "{taken:?}"
    );
    let mut next = event.clone();
    next.fields.title = "New".into();
    next.fields.branding.primary = Some("#123456".into());
    let (written, _) = db.update_event(&next, 1).await.unwrap().unwrap();
    assert_eq!((written.version, written.fields.title.as_str()), (2, "New"));
    assert!(db.update_event(&next, 1).await.unwrap().is_none());
    assert_eq!(
        db.event_by_slug(&slug("edit")).await.unwrap(),
        Some(written)
    );
    let ended = db.set_event_state(event.id, &[EventState::Published], EventState::Ended);
    assert_eq!(ended.await.unwrap(), None, "a draft does not end");
    let mut odd = next.clone();
    odd.fields.description = "a\0b".into();
    assert!(matches!(
        db.update_event(&odd, 2).await,
        Err(DbError::Invalid { .. })
    ));
    assert!(!db.delete_event(event.id, Some(1)).await.unwrap());
    assert!(db.delete_event(event.id, Some(2)).await.unwrap());
}

async fn lists_go_by_time_and_prefix(test: TestDb) {
    let db = &test.db;
    let owner = user(db, "otto").await;
    for (n, name) in ["alps", "beach", "city"].into_iter().enumerate() {
        let mut fields = fields(name, None);
        fields.starts_at += i64::try_from(n).unwrap() * HOUR;
        published(db, &owner, fields).await;
    }
    db.create_event(owner.id, fields("draft", None))
        .await
        .unwrap();
    let mut over = fields("over", None);
    (over.starts_at, over.ends_at) = (now() - 2 * HOUR, now() - HOUR);
    published(db, &owner, over).await;
    let mut hidden = fields("hidden", None);
    hidden.visibility = EventVisibility::Unlisted;
    published(db, &owner, hidden).await;

    let list = |past, search: &'static str, after, limit| async move {
        db.list_events(past, search, after, limit).await.unwrap()
    };
    let names = |list: &[Event]| -> Vec<String> {
        list.iter().map(|it| it.fields.slug.to_string()).collect()
    };
    let first = list(false, "", None, 2).await;
    assert_eq!(names(&first), ["alps", "beach"]);
    let after = (first[1].fields.starts_at, first[1].id);
    assert_eq!(names(&list(false, "", Some(after), 2).await), ["city"]);
    assert_eq!(names(&list(true, "", None, 9).await), ["over"]);
    assert_eq!(names(&list(false, "BEA", None, 9).await), ["beach"]);
    assert_eq!(list(false, "summer", None, 9).await.len(), 3);
    assert_eq!(list(false, "each", None, 9).await.len(), 0);
    assert_eq!(list(false, "_ummer", None, 9).await.len(), 0);
    let own = db.events_organised_by(owner.id, None, 4).await.unwrap();
    assert_eq!(own.len(), 4);
    let rest = db
        .events_organised_by(owner.id, Some(own[3].id), 4)
        .await
        .unwrap();
    assert_eq!(names(&rest), ["beach", "alps"]);
}

async fn calendars_have_what_is_theirs(test: TestDb) {
    let db = &test.db;
    let owner = user(db, "otto").await;
    let attendee = user(db, "anna").await;
    let event = published(db, &owner, fields("cal", Some(1))).await;
    published(db, &owner, fields("other", None)).await;
    made(db, &event, guest(0)).await;
    made(db, &event, Registrant::User(attendee.id)).await;
    db.set_calendar_token(attendee.id, KeyHash::of("first"))
        .await
        .unwrap();
    db.set_calendar_token(attendee.id, KeyHash::of("second"))
        .await
        .unwrap();
    assert_eq!(db.calendar_owner(KeyHash::of("first")).await.unwrap(), None);
    let whose = db.calendar_owner(KeyHash::of("second")).await.unwrap();
    assert_eq!(whose, Some(attendee.id));
    let entries = db.calendar_of(attendee.id).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert!(!entries[0].certain, "waits");
    let entries = db.calendar_of(owner.id).await.unwrap();
    assert_eq!(entries.len(), 2);
    assert!(entries.iter().all(|it| it.certain));
    db.remove_calendar_token(attendee.id).await.unwrap();
    assert_eq!(
        db.calendar_owner(KeyHash::of("second")).await.unwrap(),
        None
    );
}

async fn streams_are_watched_by_who_attends(test: TestDb) {
    let db = &test.db;
    let owner = user(db, "otto").await;
    let anna = user(db, "anna").await;
    let bert = user(db, "bert").await;
    let event = published(db, &owner, fields("private", Some(1))).await;
    let stream = make_stream(db, "secret").await;
    let mut with_stream = session_fields("talk", &event, 0, HOUR);
    with_stream.stream = Some(stream.id);
    let made_session = db
        .create_event_session(event.id, with_stream, &[])
        .await
        .unwrap();
    made(db, &event, Registrant::User(anna.id)).await;
    made(db, &event, Registrant::User(bert.id)).await;
    let lets = |user: &User| db.event_lets_watch(stream.id, user.id);
    assert!(
        !lets(&anna).await.unwrap(),
        "the stream's owner was not asked"
    );
    let mut agreed = made_session;
    agreed.fields.stream_agreed = true;
    db.update_event_session(&agreed, None, 1)
        .await
        .unwrap()
        .unwrap();
    assert!(lets(&anna).await.unwrap());
    assert!(lets(&owner).await.unwrap());
    assert!(!lets(&bert).await.unwrap(), "waits");
    let at = event.fields.starts_at + 1;
    let on = db.sessions_on(&[stream.id], at).await.unwrap();
    assert_eq!(on, [(stream.id, event.id, agreed.id)]);
    assert_eq!(db.sessions_on(&[stream.id], at - 2).await.unwrap(), []);
}
