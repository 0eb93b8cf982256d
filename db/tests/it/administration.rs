//! Admins' lists and changes, applications, identities, import, export and erasure.

use weir_db::{
    ApplicationState, DbError, ImportOutcome, ImportRow, NewIdentity, NewStream, Role, UserChange,
    UserFilter, UserState,
};

use crate::{
    fixture::{TestDb, on_both, slug},
    people::user,
};

on_both!(
    users_are_found_by_beginnings,
    the_last_admin_stays,
    applications_are_decided_once,
    identities_log_in_to_one_account,
    imports_report_every_row,
    what_is_known_is_told_and_removed,
);

async fn users_are_found_by_beginnings(test: TestDb) {
    for name in ["anna", "anton", "bob", "a_n", "Änne"] {
        user(&test, name).await;
    }
    let find = async |filter: UserFilter<'_>| -> Vec<String> {
        let found = test.db.list_users(&filter, None, 10).await.unwrap();
        let mut names: Vec<String> = found.into_iter().map(|row| row.user.name).collect();
        names.sort();
        names
    };
    let search = |text| UserFilter {
        search: Some(text),
        ..UserFilter::default()
    };
    assert_eq!(find(search("AN")).await, ["anna", "anton"]);
    assert_eq!(find(search("anna@exam")).await, ["anna"]);
    assert_eq!(find(search("a_")).await, ["a_n"], "no wildcard");
    assert_eq!(find(search("ÄNN")).await, ["änne"]);
    assert_eq!(find(search("%")).await, [""; 0]);
    let bob = test.db.user_by_name("bob").await.unwrap().unwrap();
    let change = UserChange {
        role: Some(Role::Speaker),
        approved: Some(false),
        disabled: Some(true),
    };
    let changed = test.db.change_user(bob.id, Some(1), &change).await.unwrap();
    assert_eq!(changed.unwrap().user.version, 2);
    assert!(
        test.db
            .change_user(bob.id, Some(1), &change)
            .await
            .unwrap()
            .is_none()
    );
    for filter in [
        UserFilter {
            role: Some(Role::Speaker),
            ..UserFilter::default()
        },
        UserFilter {
            state: Some(UserState::Disabled),
            search: Some("bob"),
            ..UserFilter::default()
        },
        UserFilter {
            state: Some(UserState::Unapproved),
            ..UserFilter::default()
        },
    ] {
        assert_eq!(find(filter).await, ["bob"]);
    }
    assert_eq!(test.db.profile("bob").await.unwrap(), None, "locked");
    // Pages join up, whatever order the database has.
    let (mut after, mut seen) = (None::<String>, 0);
    loop {
        let page = test
            .db
            .list_users(&UserFilter::default(), after.as_deref(), 2)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        seen += page.len();
        after = Some(last.user.name.clone());
    }
    assert_eq!(seen, 5);
}

async fn the_last_admin_stays(test: TestDb) {
    let admin = |role| UserChange {
        role: Some(role),
        ..UserChange::default()
    };
    let (ann, bob) = (user(&test, "ann").await, user(&test, "bob").await);
    for id in [ann.id, bob.id] {
        test.db
            .change_user(id, None, &admin(Role::Admin))
            .await
            .unwrap();
    }
    let disable = UserChange {
        disabled: Some(true),
        ..UserChange::default()
    };
    // At once: one of them must be refused.
    let (first, second) = tokio::join!(
        test.db.change_user(ann.id, None, &disable),
        test.db.change_user(bob.id, None, &disable),
    );
    let refused = [&first, &second]
        .iter()
        .filter(|result| matches!(result, Err(DbError::LastAdmin)))
        .count();
    assert_eq!(refused, 1);
    let last = if first.is_ok() { bob } else { ann };
    let demoted = test
        .db
        .change_user(last.id, None, &admin(Role::Speaker))
        .await;
    assert!(matches!(demoted, Err(DbError::LastAdmin)));
    let erased = test.db.erase_user(last.id).await;
    assert!(matches!(erased, Err(DbError::LastAdmin)));
}

async fn applications_are_decided_once(test: TestDb) {
    let (db, ann, root) = (
        &test.db,
        user(&test, "ann").await,
        user(&test, "root").await,
    );
    db.apply_as_creator(ann.id, "please", false).await.unwrap();
    let again = db.apply_as_creator(ann.id, "please!", false).await;
    assert!(matches!(again, Err(DbError::Conflict { .. })));
    let pending = db
        .creator_applications(ApplicationState::Pending, None, 10)
        .await
        .unwrap();
    assert_eq!((pending.len(), pending[0].text.as_str()), (1, "please"));
    let after = Some((pending[0].created_at, pending[0].user.get()));
    let rest = db
        .creator_applications(ApplicationState::Pending, after, 10)
        .await
        .unwrap();
    assert!(rest.is_empty());
    db.decide_application(ann.id, false, Some("no"), root.id)
        .await
        .unwrap();
    let twice = db.decide_application(ann.id, true, None, root.id).await;
    assert!(matches!(twice, Err(DbError::NotFound { .. })));
    let answer = db.creator_application(ann.id).await.unwrap().unwrap();
    assert_eq!(answer.state, ApplicationState::Rejected);
    assert_eq!(answer.reason.as_deref(), Some("no"));

    db.apply_as_creator(ann.id, "now?", false).await.unwrap();
    db.decide_application(ann.id, true, None, root.id)
        .await
        .unwrap();
    let now = db.user_by_name("ann").await.unwrap().unwrap();
    assert_eq!((now.role, now.approved), (Role::Speaker, true));
    db.apply_as_creator(root.id, "me too", true).await.unwrap();
    let root = db.user_by_name("root").await.unwrap().unwrap();
    assert_eq!(root.role, Role::Speaker);
}

async fn identities_log_in_to_one_account(test: TestDb) {
    let db = &test.db;
    let identity = NewIdentity {
        issuer: "https://id.example",
        subject: "42",
        provider: "example",
    };
    assert_eq!(
        db.user_by_identity("https://id.example", "42")
            .await
            .unwrap(),
        None
    );
    let ann = db
        .create_user_by_identity("ann", Some("ann@example.org"), Some("Ann"), &identity)
        .await
        .unwrap();
    let found = db
        .user_by_identity("https://id.example", "42")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.id, found.role), (ann, Role::Attendee));
    assert!(
        db.user_by_verified_address("ann@example.org")
            .await
            .unwrap()
            .is_some()
    );
    let bob = user(&test, "bob").await;
    let taken = db.link_identity(bob.id, &identity).await;
    assert!(matches!(taken, Err(DbError::Conflict { .. })), "{taken:?}");
    let name = db
        .create_user_by_identity("bob", None, None, &identity)
        .await;
    assert!(
        matches!(name, Err(DbError::Conflict { what: "user name" })),
        "{name:?}"
    );
    assert_eq!(db.identities(ann).await.unwrap()[0].provider, "example");
    db.unlink_identity(ann, "example").await.unwrap();
    let none = db.unlink_identity(ann, "example").await;
    assert!(matches!(none, Err(DbError::NotFound { .. })));
}

async fn imports_report_every_row(test: TestDb) {
    let db = &test.db;
    let (ann, root) = (user(&test, "ann").await, user(&test, "root").await);
    let change = UserChange {
        role: Some(Role::Admin),
        ..UserChange::default()
    };
    db.change_user(root.id, None, &change).await.unwrap();
    let row = |name: &str, email: Option<&str>, role, password: Option<&str>| ImportRow {
        name: name.into(),
        email: email.map(str::to_owned),
        role,
        display_name: None,
        password_hash: password.map(str::to_owned),
    };
    let rows = [
        row("New", Some("new@example.org"), Some(Role::Speaker), None),
        row("ann", Some("Ann@new.example"), None, None),
        row("ann", None, None, Some("hash")),
        row("bob", Some("root@example.org"), None, None),
        row("cid", None, None, None),
        row("root", None, Some(Role::Attendee), None),
        row("root", None, None, None),
        row("dan", None, None, Some("hash")),
    ];
    let dry = db.import_users(&rows, true).await.unwrap();
    assert_eq!(db.count_users().await.unwrap(), 2);
    let done = db.import_users(&rows, false).await.unwrap();
    assert_eq!(dry, done);
    let refused = |outcome: &ImportOutcome| matches!(outcome, ImportOutcome::Refused(_));
    assert_eq!(done[0], ImportOutcome::Created);
    assert_eq!(done[1], ImportOutcome::Updated);
    assert!(done[2..7].iter().all(refused), "{done:?}");
    assert_eq!(done[7], ImportOutcome::Created);
    let record = db.user_record("ann").await.unwrap().unwrap();
    assert_eq!(record.user.email.as_deref(), Some("ann@new.example"));
    assert_eq!(record.user.password_hash, ann.password_hash);
    let mails = db.take_mails(10, 1000).await.unwrap();
    assert_eq!(mails.len(), 1, "one invitation");
    assert_eq!(mails[0].address, "new@example.org");
    let again = db.import_users(&rows[..2], false).await.unwrap();
    assert_eq!(again, [ImportOutcome::Skipped, ImportOutcome::Skipped]);
}

async fn what_is_known_is_told_and_removed(test: TestDb) {
    let db = &test.db;
    let (ann, bob) = (user(&test, "ann").await, user(&test, "bob").await);
    db.follow(ann.id, bob.id).await.unwrap();
    let new = NewStream {
        slug: slug("show"),
        title: "Show".into(),
        key_hash: weir_db::KeyHash::of("k"),
        owner: Some(ann.id),
    };
    db.create_stream(new).await.unwrap();
    let export = db.export_user(ann.id).await.unwrap();
    assert_eq!(export["account"][0]["email"], "ann@example.org");
    assert_eq!(export["account"][0]["created_at"], ann.created_at);
    assert!(export["account"][0]["disabled_at"].is_null());
    assert_eq!(export["following"][0]["name"], "bob");
    assert_eq!(export["streams"][0]["slug"], "show");
    assert!(!export.to_string().contains("hash"), "{export}");

    let streams = db.erase_user(ann.id).await.unwrap();
    assert_eq!(streams.len(), 1);
    assert!(db.stream_by_slug(&slug("show")).await.unwrap().is_none());
    assert!(db.user_by_name("ann").await.unwrap().is_none());
    assert!(db.followers(bob.id, None, 10).await.unwrap().is_empty());
    let gone = db.erase_user(ann.id).await;
    assert!(matches!(gone, Err(DbError::NotFound { what: "user" })));
}
