//! Profiles, images, follows, blocks, notifications and mail.

use weir_db::{
    DbError, ImageId, KeyHash, MAIL_PASSWORD_RESET, MailPurpose, NewAccount, NewImage, News,
    NotificationSetting, ProfileChange, Role, User,
};

use crate::fixture::{TestDb, on_both};

on_both!(
    profiles_change_by_version,
    images_are_kept_once_and_collected_when_unused,
    follows_and_blocks,
    thousands_of_followers_are_told_by_their_wishes,
    mail_waits_until_it_is_sent,
    tokens_of_mails_are_used_once,
);

pub async fn user(test: &TestDb, name: &str) -> User {
    let new = NewAccount {
        name: name.into(),
        password_hash: "hash".into(),
        email: Some(format!("{name}@example.org")),
        role: Role::Attendee,
    };
    test.db.register(new).await.unwrap()
}

async fn profiles_change_by_version(test: TestDb) {
    let ann = user(&test, "ann").await;
    let image = NewImage {
        media_type: "image/png",
        width: 1,
        height: 1,
        bytes: vec![0, 255, 1],
    };
    let avatar = test.db.store_image(image, ann.id).await.unwrap();
    let change = ProfileChange {
        display_name: Some(Some("Ann".into())),
        bio: Some("I sing".into()),
        avatar: Some(Some(avatar.clone())),
        ..ProfileChange::default()
    };
    let version = test.db.change_profile(ann.id, 1, &change).await.unwrap();
    assert_eq!(version, Some(2));
    let stale = test.db.change_profile(ann.id, 1, &change).await.unwrap();
    assert_eq!(stale, None);
    let profile = test.db.profile("Ann").await.unwrap().unwrap();
    assert_eq!(profile.display_name.as_deref(), Some("Ann"));
    assert_eq!(
        (profile.bio.as_str(), profile.links.as_str()),
        ("I sing", "[]")
    );
    assert_eq!(profile.avatar, Some(avatar));
    let change = ProfileChange {
        avatar: Some(None),
        ..ProfileChange::default()
    };
    test.db.change_profile(ann.id, 2, &change).await.unwrap();
    let profile = test.db.profile("ann").await.unwrap().unwrap();
    assert_eq!((profile.avatar, profile.bio.as_str()), (None, "I sing"));

    let nothing = ProfileChange {
        banner: Some(Some(ImageId::of(b"not there"))),
        ..ProfileChange::default()
    };
    let refused = test.db.change_profile(ann.id, 3, &nothing).await;
    assert!(matches!(refused, Err(DbError::NotFound { what: "image" })));
}

async fn images_are_kept_once_and_collected_when_unused(test: TestDb) {
    let ann = user(&test, "ann").await;
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let image = |bytes: &[u8]| NewImage {
        media_type: "image/webp",
        width: 3,
        height: 4,
        bytes: bytes.to_vec(),
    };
    let first = test.db.store_image(image(&bytes), ann.id).await.unwrap();
    let again = test.db.store_image(image(&bytes), ann.id).await.unwrap();
    assert_eq!(first, again);
    let other = test.db.store_image(image(b"other"), ann.id).await.unwrap();
    assert_eq!(test.db.count_uploads(ann.id, 0).await.unwrap(), 2);
    let kept = test.db.image(&first).await.unwrap().unwrap();
    assert_eq!(
        (kept.media_type.as_str(), kept.bytes),
        ("image/webp", bytes)
    );

    let change = ProfileChange {
        banner: Some(Some(first.clone())),
        ..ProfileChange::default()
    };
    test.db.change_profile(ann.id, 1, &change).await.unwrap();
    assert_eq!(test.db.collect_images(0).await.unwrap(), 0);
    assert_eq!(test.db.collect_images(i64::MAX).await.unwrap(), 1);
    assert!(test.db.image(&first).await.unwrap().is_some());
    assert!(test.db.image(&other).await.unwrap().is_none());
    let gone = test.db.want_image(&other).await;
    assert!(matches!(gone, Err(DbError::NotFound { what: "image" })));
}

async fn follows_and_blocks(test: TestDb) {
    let (ann, bob, cid) = (
        user(&test, "ann").await,
        user(&test, "bob").await,
        user(&test, "cid").await,
    );
    assert!(test.db.follow(bob.id, ann.id).await.unwrap());
    assert!(!test.db.follow(bob.id, ann.id).await.unwrap());
    assert!(test.db.follow(cid.id, ann.id).await.unwrap());
    assert!(matches!(
        test.db.follow(ann.id, ann.id).await,
        Err(DbError::Invalid { .. })
    ));
    let all = test.db.followers(ann.id, None, 10).await.unwrap();
    assert_eq!(all.len(), 2);
    let first = test.db.followers(ann.id, None, 1).await.unwrap();
    let after = Some((first[0].since, first[0].id.get()));
    let second = test.db.followers(ann.id, after, 10).await.unwrap();
    assert_eq!([first, second].concat(), all);
    let profile = test.db.profile("ann").await.unwrap().unwrap();
    assert_eq!((profile.followers, profile.following), (2, 0));

    assert!(!test.db.is_blocked(ann.id, bob.id).await.unwrap());
    test.db.block(ann.id, bob.id).await.unwrap();
    test.db.block(ann.id, bob.id).await.unwrap();
    assert!(test.db.is_blocked(ann.id, bob.id).await.unwrap());
    assert!(!test.db.is_blocked(bob.id, ann.id).await.unwrap());
    assert!(!test.db.follows(bob.id, ann.id).await.unwrap());
    let refused = test.db.follow(bob.id, ann.id).await;
    assert!(matches!(refused, Err(DbError::NotFound { what: "user" })));
    assert_eq!(test.db.blocked(ann.id, None, 10).await.unwrap().len(), 1);
    test.db.unblock(ann.id, bob.id).await.unwrap();
    assert!(test.db.follow(bob.id, ann.id).await.unwrap());
    test.db.unfollow(bob.id, ann.id).await.unwrap();
    assert!(!test.db.follows(bob.id, ann.id).await.unwrap());
}

async fn thousands_of_followers_are_told_by_their_wishes(test: TestDb) {
    let ann = user(&test, "ann").await;
    let rows: Vec<_> = (0..2000)
        .map(|n| weir_db::ImportRow {
            name: format!("fan{n}"),
            email: None,
            role: None,
            display_name: None,
            password_hash: Some("hash".into()),
        })
        .collect();
    test.db.import_users(&rows, false).await.unwrap();
    let fan = |n: usize| {
        let db = test.db.clone();
        async move { db.user_by_name(&format!("fan{n}")).await.unwrap().unwrap() }
    };
    for n in 0..40 {
        test.db.follow(fan(n).await.id, ann.id).await.unwrap();
    }
    let (deaf, foe, reader) = (fan(0).await, fan(1).await, fan(2).await);
    let setting = |in_app, by_mail| NotificationSetting {
        kind: "stream_live".into(),
        in_app,
        by_mail,
    };
    test.db
        .set_notification_setting(deaf.id, &setting(false, false))
        .await
        .unwrap();
    // A block ends both follows, so the foe follows again from the other side only.
    test.db.block(foe.id, ann.id).await.unwrap();
    test.db
        .set_notification_setting(reader.id, &setting(true, true))
        .await
        .unwrap();
    let news = News {
        kind: "stream_live",
        payload: "{}",
        actor: Some(ann.id),
        by_mail: true,
        once_within: 0,
    };
    assert_eq!(test.db.notify_followers(ann.id, &news).await.unwrap(), 38);
    // Nobody has shown that the address is theirs.
    assert!(test.db.take_mails(10, 1000).await.unwrap().is_empty());
    assert_eq!(test.db.count_unread(deaf.id).await.unwrap(), 0);
    assert_eq!(test.db.count_unread(foe.id).await.unwrap(), 0);

    let again = News {
        once_within: 60_000,
        ..news.clone()
    };
    let told = test.db.notify_followers(ann.id, &again).await.unwrap();
    assert_eq!(told, 0, "the very same, a moment ago");
    let told = test.db.notify(&[foe.id, reader.id, deaf.id], &news).await;
    assert_eq!(told.unwrap(), 1, "a foe's and a deaf one's are left out");
    let list = test
        .db
        .notifications(reader.id, true, None, 10)
        .await
        .unwrap();
    assert_eq!(list.len(), 2);
    let older = test
        .db
        .notifications(reader.id, false, Some(list[0].id.get()), 10)
        .await
        .unwrap();
    assert_eq!(older, list[1..]);
    test.db
        .read_notifications(reader.id, Some(list[1].id))
        .await
        .unwrap();
    assert_eq!(test.db.count_unread(reader.id).await.unwrap(), 1);
    test.db
        .read_notification(reader.id, list[0].id)
        .await
        .unwrap();
    assert_eq!(test.db.count_unread(reader.id).await.unwrap(), 0);
    let not_mine = test.db.read_notification(deaf.id, list[0].id).await;
    assert!(matches!(not_mine, Err(DbError::NotFound { .. })));
    assert_eq!(
        test.db.notification_settings(reader.id).await.unwrap(),
        [setting(true, true)]
    );
    assert_eq!(test.db.forget_notifications(i64::MAX).await.unwrap(), 39);
}

async fn mail_waits_until_it_is_sent(test: TestDb) {
    let ann = user(&test, "ann").await;
    let db = &test.db;
    assert!(
        db.queue_password_reset("ann@example.org", i64::MAX)
            .await
            .unwrap()
    );
    assert!(
        !db.queue_password_reset("ann@example.org", i64::MAX)
            .await
            .unwrap()
    );
    assert!(
        !db.queue_password_reset("bob@example.org", i64::MAX)
            .await
            .unwrap()
    );
    let mails = db.take_mails(10, 60_000).await.unwrap();
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!(
        (mail.user, mail.kind.as_str()),
        (ann.id, MAIL_PASSWORD_RESET)
    );
    assert_eq!(
        (mail.address.as_str(), mail.attempts),
        ("ann@example.org", 1)
    );
    assert!(
        db.take_mails(10, 60_000).await.unwrap().is_empty(),
        "it is held"
    );
    db.postpone_mail(mail, -1).await.unwrap();
    let again = db.take_mails(10, 60_000).await.unwrap();
    assert_eq!(again[0].attempts, 2);
    db.finish_mail(mail).await.unwrap();
    db.postpone_mail(mail, -1).await.unwrap();
    assert!(db.take_mails(10, 60_000).await.unwrap().is_empty());
}

async fn tokens_of_mails_are_used_once(test: TestDb) {
    let (db, ann) = (&test.db, user(&test, "ann").await);
    let hash = |text: &str| KeyHash::of(text);
    let make = async |text: &str, purpose, address: &str, ends| {
        db.make_mail_token(ann.id, purpose, address, hash(text), ends)
            .await
            .unwrap();
    };
    make("first", MailPurpose::Password, "ann@example.org", i64::MAX).await;
    make("second", MailPurpose::Password, "ann@example.org", i64::MAX).await;
    assert_eq!(db.reset_password(hash("first"), "new").await.unwrap(), None);
    assert_eq!(db.confirm_address(hash("second")).await.unwrap(), None);
    let reset = db.reset_password(hash("second"), "new").await.unwrap();
    assert_eq!(reset, Some(ann.id));
    assert_eq!(
        db.reset_password(hash("second"), "newer").await.unwrap(),
        None
    );
    let ann_now = db.user_by_name("ann").await.unwrap().unwrap();
    assert_eq!(ann_now.password_hash, "new");
    let verified = db
        .user_by_verified_address("ann@example.org")
        .await
        .unwrap();
    assert_eq!(
        verified,
        Some(ann_now),
        "who reads the mail has the address"
    );

    make("late", MailPurpose::Password, "ann@example.org", 1).await;
    assert_eq!(db.reset_password(hash("late"), "x").await.unwrap(), None);
    assert_eq!(db.forget_mail_tokens().await.unwrap(), 1);

    make("move", MailPurpose::Address, "ann@new.example", i64::MAX).await;
    make("old", MailPurpose::Password, "ann@example.org", i64::MAX).await;
    assert_eq!(
        db.confirm_address(hash("move")).await.unwrap(),
        Some(ann.id)
    );
    assert_eq!(db.reset_password(hash("old"), "x").await.unwrap(), None);
    let moved = db
        .user_by_verified_address("ann@new.example")
        .await
        .unwrap();
    assert_eq!(moved.unwrap().id, ann.id);

    user(&test, "bob").await;
    make("theirs", MailPurpose::Address, "bob@example.org", i64::MAX).await;
    let clash = db.confirm_address(hash("theirs")).await;
    assert!(matches!(
        clash,
        Err(DbError::Conflict {
            what: "e-mail address"
        })
    ));
}
