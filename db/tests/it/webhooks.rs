//! The outbox and the log of webhooks.

use weir_db::{
    Attempt, Db, DbError, DeliveryState, Due, NewUser, NewWebhook, NewWebhookEvent, Outcome,
    Replay, Role, StreamId, UserId, Webhook, WebhookEdit,
};

use crate::fixture::{TestDb, make_stream, on_both};

on_both!(
    endpoints_are_kept_and_changed,
    events_go_to_who_wants_them,
    a_lane_goes_one_by_one_and_blocks_nobody_else,
    many_write_and_deliver_at_once,
    what_was_missed_is_sent_again,
    old_events_are_forgotten,
);

async fn user(db: &Db, name: &str) -> UserId {
    let new = NewUser {
        name: name.to_owned(),
        password_hash: "hash".to_owned(),
        role: Role::Speaker,
    };
    db.create_user(new).await.unwrap().id
}

fn new(owner: Option<UserId>, types: &[&str]) -> NewWebhook {
    NewWebhook {
        owner,
        stream: None,
        url: "https://example.com/hook".to_owned(),
        description: String::new(),
        types: types.iter().map(|one| (*one).to_owned()).collect(),
        salt: "salt".to_owned(),
        at_most: 3,
    }
}

fn event(
    kind: &str,
    owner: Option<UserId>,
    stream: Option<StreamId>,
    lane: i64,
) -> NewWebhookEvent {
    NewWebhookEvent {
        kind: kind.to_owned(),
        owner,
        stream,
        lane,
        payload: format!("{{\"type\":\"{kind}\"}}"),
    }
}

fn attempt(status: u16) -> Attempt {
    Attempt {
        at: 1_700_000_000_000,
        duration_ms: 12,
        status: Some(status),
        error: (status >= 300).then(|| "refused".to_owned()),
        response: Some("body".to_owned()),
    }
}

async fn finish(db: &Db, due: &Due, status: u16, outcome: Outcome) {
    db.finish_attempt(due.webhook, due.event, due.lane, &attempt(status), outcome)
        .await
        .unwrap();
}

fn now() -> i64 {
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

async fn due(db: &Db) -> Vec<Due> {
    db.due_deliveries(now(), 8, 100).await.unwrap()
}

async fn endpoints_are_kept_and_changed(test: TestDb) {
    let db = &test.db;
    let ada = user(db, "ada").await;
    let made = db
        .create_webhook(new(Some(ada), &["stream.started"]))
        .await
        .unwrap();
    assert_eq!(db.webhook(made.id).await.unwrap().unwrap(), made);
    let edit = WebhookEdit {
        types: Some(vec![]),
        enabled: Some(false),
        ..WebhookEdit::default()
    };
    let changed = db.edit_webhook(made.id, 1, edit.clone()).await.unwrap();
    assert!(changed.types.is_empty() && !changed.enabled);
    assert_eq!(
        (changed.version, changed.url.as_str()),
        (2, made.url.as_str())
    );
    let stale = db.edit_webhook(made.id, 1, edit).await;
    assert!(matches!(stale, Err(DbError::NotFound { .. })));
    db.rotate_webhook(made.id, "fresh", 5).await.unwrap();
    let rotated = db.webhook(made.id).await.unwrap().unwrap();
    assert_eq!(rotated.salt, "fresh");
    assert_eq!(rotated.old_salt, Some(("salt".to_owned(), 5)));

    let second = db.create_webhook(new(Some(ada), &[])).await.unwrap();
    db.create_webhook(new(Some(ada), &[])).await.unwrap();
    let full = db.create_webhook(new(Some(ada), &[])).await;
    assert!(matches!(full, Err(DbError::Invalid { .. })));
    let site = db.create_webhook(new(None, &[])).await.unwrap();
    let listed = |all: Vec<Webhook>| all.iter().map(|one| one.id).collect::<Vec<_>>();
    let page = db.list_webhooks(Some(ada), Some(made.id), 1).await.unwrap();
    assert_eq!(listed(page), [second.id]);
    assert_eq!(
        listed(db.list_webhooks(None, None, 9).await.unwrap()),
        [site.id]
    );

    assert!(
        db.disable_webhook(second.id, "gone")
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        db.disable_webhook(second.id, "gone")
            .await
            .unwrap()
            .is_none()
    );
    let off = db.webhook(second.id).await.unwrap().unwrap();
    assert_eq!(off.disabled_why.as_deref(), Some("gone"));
    let on = WebhookEdit {
        enabled: Some(true),
        ..WebhookEdit::default()
    };
    let on = db.edit_webhook(second.id, off.version, on).await.unwrap();
    assert!(on.enabled && on.disabled_why.is_none());
    db.delete_webhook(second.id).await.unwrap();
    let gone = db.delete_webhook(second.id).await;
    assert!(matches!(gone, Err(DbError::NotFound { .. })));
}

async fn events_go_to_who_wants_them(test: TestDb) {
    let db = &test.db;
    let (ada, bob) = (user(db, "ada").await, user(db, "bob").await);
    let stream = make_stream(db, "one").await.id;
    let other = make_stream(db, "two").await.id;
    let started = event("stream.started", Some(ada), Some(stream), 1);
    assert_eq!(
        db.add_webhook_event(&started).await.unwrap(),
        0,
        "nobody is there"
    );

    let hers = db
        .create_webhook(new(Some(ada), &["stream.ended", "stream.started"]))
        .await
        .unwrap();
    let his = db.create_webhook(new(Some(bob), &[])).await.unwrap();
    let site = db.create_webhook(new(None, &[])).await.unwrap();
    let of_other = db
        .create_webhook(NewWebhook {
            stream: Some(other),
            ..new(Some(ada), &[])
        })
        .await
        .unwrap();
    assert_eq!(db.add_webhook_event(&started).await.unwrap(), 2);
    let mut told: Vec<_> = due(db).await.iter().map(|due| due.webhook).collect();
    told.sort();
    assert_eq!(told, [hers.id, site.id]);
    assert_eq!(due(db).await[0].payload, started.payload);

    // Another type, another stream, nobody's.
    let created = event("stream.created", Some(ada), Some(other), 2);
    assert_eq!(db.add_webhook_event(&created).await.unwrap(), 2);
    assert_eq!(
        db.list_deliveries(of_other.id, None, None, 9)
            .await
            .unwrap()
            .len(),
        1
    );
    let registered = event("user.registered", None, None, 3);
    assert_eq!(db.add_webhook_event(&registered).await.unwrap(), 1);
    assert!(
        db.list_deliveries(his.id, None, None, 9)
            .await
            .unwrap()
            .is_empty()
    );

    // Deleted, it hears of nothing, and what waited is gone.
    db.delete_webhook(site.id).await.unwrap();
    assert!(due(db).await.iter().all(|due| due.webhook != site.id));
}

async fn a_lane_goes_one_by_one_and_blocks_nobody_else(test: TestDb) {
    let db = &test.db;
    let hook = db.create_webhook(new(None, &[])).await.unwrap();
    for (kind, lane) in [("a", 1), ("b", 1), ("c", 2), ("d", 1)] {
        db.add_webhook_event(&event(kind, None, None, lane))
            .await
            .unwrap();
    }
    let kinds = |due: &[Due]| {
        let mut kinds: Vec<_> = due
            .iter()
            .map(|due| due.payload[9..10].to_owned())
            .collect();
        kinds.sort();
        kinds.concat()
    };
    let heads = due(db).await;
    assert_eq!(kinds(&heads), "ac", "the first of each lane");
    assert_eq!(
        db.due_deliveries(now(), 1, 100).await.unwrap().len(),
        1,
        "at most one of an endpoint"
    );
    let a = heads.iter().find(|due| due.lane == 1).unwrap();
    let far = i64::MAX / 2;
    finish(db, a, 500, Outcome::Again(far)).await;
    assert_eq!(
        kinds(&due(db).await),
        "c",
        "its lane waits, the other does not"
    );
    assert_eq!(db.next_delivery_at(now()).await.unwrap(), Some(far));
    let hook_now = db.webhook(hook.id).await.unwrap().unwrap();
    assert_eq!(hook_now.failing_since, Some(1_700_000_000_000));

    let log = db.list_deliveries(hook.id, None, None, 10).await.unwrap();
    let a_in_log = log.iter().find(|one| one.kind == "a").unwrap();
    assert_eq!(a_in_log.state, DeliveryState::Waiting);
    assert_eq!((a_in_log.attempts, a_in_log.next_at), (1, Some(far)));
    assert_eq!(
        (a_in_log.status, a_in_log.error.as_deref()),
        (Some(500), Some("refused"))
    );
    let b_in_log = log.iter().find(|one| one.kind == "b").unwrap();
    assert_eq!(b_in_log.next_at, None, "it waits for the one before it");

    // Sent again by hand it is due, and counts its tries anew.
    db.replay(hook.id, Replay::One(a.event)).await.unwrap();
    let heads = due(db).await;
    assert_eq!(kinds(&heads), "ac");
    assert_eq!(heads.iter().find(|due| due.lane == 1).unwrap().tries, 0);
    for expected in ["ac", "bc", "cd", "c"] {
        let heads = due(db).await;
        assert_eq!(kinds(&heads), expected);
        if let Some(head) = heads.iter().find(|due| due.lane == 1) {
            finish(db, head, 200, Outcome::Delivered).await;
        }
    }
    assert_eq!(
        db.webhook(hook.id).await.unwrap().unwrap().failing_since,
        None
    );
    let detail = db.delivery(hook.id, a.event).await.unwrap().unwrap();
    assert_eq!(detail.delivery.state, DeliveryState::Delivered);
    let statuses: Vec<_> = detail.attempts.iter().map(|one| one.status).collect();
    assert_eq!(statuses, [Some(500), Some(200)]);
    assert_eq!(detail.payload, "{\"type\":\"a\"}");

    let c = &due(db).await[0];
    finish(db, c, 410, Outcome::Failed).await;
    assert!(due(db).await.is_empty());
    assert_eq!(db.next_delivery_at(now()).await.unwrap(), None);
    let failed = db
        .list_deliveries(hook.id, Some(DeliveryState::Failed), None, 9)
        .await;
    assert_eq!(failed.unwrap().len(), 1);
    db.delete_webhook(hook.id).await.unwrap();
    let gone = db
        .finish_attempt(
            c.webhook,
            c.event,
            c.lane,
            &attempt(200),
            Outcome::Delivered,
        )
        .await;
    assert!(matches!(gone, Err(DbError::NotFound { .. })));
}

/// Whoever adds to a lane while its last delivery ends must not be forgotten.
async fn many_write_and_deliver_at_once(test: TestDb) {
    const EVENTS: usize = 60;
    let hook = test.db.create_webhook(new(None, &[])).await.unwrap();
    let writer = |lane: i64| {
        let db = test.db.clone();
        async move {
            for _ in 0..EVENTS {
                db.add_webhook_event(&event("x", None, None, lane))
                    .await
                    .unwrap();
            }
        }
    };
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..4 {
        writers.spawn(writer(n % 2));
    }
    let mut delivered = Vec::new();
    let mut idle = 0;
    while idle < 2 {
        let heads = due(&test.db).await;
        for head in &heads {
            finish(&test.db, head, 200, Outcome::Delivered).await;
            delivered.push((head.lane, head.event));
        }
        // Once more after the last writer, then nothing may be left.
        idle += usize::from(heads.is_empty() && writers.is_empty());
        if heads.is_empty() {
            writers.join_next().await;
        }
    }
    assert_eq!(delivered.len(), 4 * EVENTS);
    let waiting = test
        .db
        .list_deliveries(hook.id, Some(DeliveryState::Waiting), None, 9)
        .await;
    assert!(waiting.unwrap().is_empty());
}

async fn what_was_missed_is_sent_again(test: TestDb) {
    let db = &test.db;
    let hook = db.create_webhook(new(None, &[])).await.unwrap();
    db.add_webhook_event(&event("a", None, None, 1))
        .await
        .unwrap();
    finish(db, &due(db).await[0], 200, Outcome::Delivered).await;
    db.add_webhook_event(&event("b", None, None, 1))
        .await
        .unwrap();
    finish(db, &due(db).await[0], 500, Outcome::Failed).await;
    db.disable_webhook(hook.id, "why").await.unwrap();
    assert_eq!(
        db.add_webhook_event(&event("c", None, None, 1))
            .await
            .unwrap(),
        0
    );
    assert!(due(db).await.is_empty());
    let since = |what| db.replay(hook.id, what);
    assert_eq!(since(Replay::MissedSince(i64::MAX)).await.unwrap(), 0);
    assert_eq!(since(Replay::MissedSince(0)).await.unwrap(), 2);
    assert!(due(db).await.is_empty(), "it is off still");
    let on = WebhookEdit {
        enabled: Some(true),
        ..WebhookEdit::default()
    };
    db.edit_webhook(hook.id, 2, on).await.unwrap();
    assert!(due(db).await[0].payload.contains("\"b\""), "in order");
    assert_eq!(
        since(Replay::AllSince(0)).await.unwrap(),
        1,
        "what arrived too"
    );
    assert!(due(db).await[0].payload.contains("\"a\""));
    let nothing = db.replay(hook.id, Replay::One("5".parse().unwrap())).await;
    assert!(matches!(
        nothing,
        Err(DbError::NotFound { what: "delivery" })
    ));

    let test_event = db
        .add_test_event(hook.id, "webhook.test", "{}")
        .await
        .unwrap();
    let nobody = db
        .add_test_event("5".parse().unwrap(), "webhook.test", "{}")
        .await;
    assert!(matches!(nobody, Err(DbError::NotFound { what: "webhook" })));
    assert!(
        due(db).await.iter().all(|due| due.event != test_event),
        "it stands in no lane"
    );
}

async fn old_events_are_forgotten(test: TestDb) {
    let db = &test.db;
    let hook = db.create_webhook(new(None, &[])).await.unwrap();
    for lane in 0..3 {
        db.add_webhook_event(&event("a", None, None, lane))
            .await
            .unwrap();
    }
    finish(db, &due(db).await[0], 200, Outcome::Delivered).await;
    assert_eq!(db.prune_webhook_log(0).await.unwrap(), 0);
    assert_eq!(db.prune_webhook_log(i64::MAX).await.unwrap(), 3);
    assert!(
        db.list_deliveries(hook.id, None, None, 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(due(db).await.is_empty());
    // The lane works as before.
    db.add_webhook_event(&event("b", None, None, 1))
        .await
        .unwrap();
    assert_eq!(due(db).await.len(), 1);
}
