//! Devices, API tokens, signing keys and second factors.

use weir_db::{DbError, DeviceId, KeyHash, NewAccount, NewApiToken, NewDevice, Role, User};

use crate::fixture::{TestDb, on_both};

on_both!(
    accounts_are_found_by_name_and_by_address,
    a_device_is_its_users_until_it_ends,
    a_refresh_token_is_replaced_once,
    api_tokens_end,
    keys_go_when_their_successor_is_old,
    a_code_is_taken_once,
);

async fn ann(test: &TestDb) -> User {
    let new = NewAccount {
        name: "Ann".into(),
        password_hash: "hash".into(),
        email: Some("Ann@Example.org".into()),
        role: Role::Attendee,
    };
    test.db.register(new).await.unwrap()
}

fn device(user: &User, refresh: &str, expires_at: i64) -> NewDevice {
    NewDevice {
        id: DeviceId::new(),
        user: user.id,
        name: "curl".into(),
        address: "192.0.2.0/24".into(),
        refresh: KeyHash::of(refresh),
        expires_at,
    }
}

async fn accounts_are_found_by_name_and_by_address(test: TestDb) {
    let made = ann(&test).await;
    assert_eq!(made.email.as_deref(), Some("ann@example.org"));
    for login in ["ann", "ANN", "ann@example.org", "Ann@EXAMPLE.org"] {
        let found = test.db.user_by_login(login).await.unwrap();
        assert_eq!(found.as_ref(), Some(&made), "{login}");
    }
    for login in ["", "bob", "b@example.org", "a\0@b", "a\0"] {
        assert_eq!(test.db.user_by_login(login).await.unwrap(), None);
    }
    assert_eq!(
        test.db.user_by_id(made.id).await.unwrap(),
        Some(made.clone())
    );
    let clash = NewAccount {
        name: "other".into(),
        password_hash: "hash".into(),
        email: made.email.clone(),
        role: Role::Attendee,
    };
    let clash = test.db.register(clash).await.unwrap_err();
    assert!(
        matches!(
            clash,
            DbError::Conflict {
                what: "e-mail address"
            }
        ),
        "{clash:?}"
    );
    assert!(
        test.db
            .rehash_password(made.id, "hash", "new")
            .await
            .unwrap()
    );
    assert!(
        !test
            .db
            .rehash_password(made.id, "hash", "newer")
            .await
            .unwrap()
    );
}

async fn a_device_is_its_users_until_it_ends(test: TestDb) {
    let user = ann(&test).await;
    let db = &test.db;
    let one = db
        .create_device(device(&user, "1", i64::MAX))
        .await
        .unwrap();
    let two = db
        .create_device(device(&user, "2", i64::MAX))
        .await
        .unwrap();
    let ended = db.create_device(device(&user, "3", 1)).await.unwrap();
    let found = db.user_of_device(one.id, user.id).await.unwrap();
    assert_eq!(found, Some((user.clone(), one.last_seen_at)));
    assert!(
        db.user_of_device(ended.id, user.id)
            .await
            .unwrap()
            .is_none()
    );
    let list = db.devices_of_user(user.id, None, 1).await.unwrap();
    assert_eq!(list, std::slice::from_ref(&two));
    let list = db.devices_of_user(user.id, Some(two.id), 10).await.unwrap();
    assert_eq!(list, std::slice::from_ref(&one));
    assert!(db.has_device_at(user.id, "192.0.2.0/24").await.unwrap());
    assert!(!db.has_device_at(user.id, "192.0.3.0/24").await.unwrap());
    let mut alive = db.devices_alive(&[one.id, two.id, ended.id]).await.unwrap();
    alive.sort();
    assert_eq!(alive, [one.id, two.id]);
    assert!(db.devices_alive(&[]).await.unwrap().is_empty());
    assert_eq!(
        db.end_devices(user.id, Some(one.id)).await.unwrap().len(),
        2
    );
    assert!(db.end_device(user.id, one.id).await.unwrap());
    assert!(!db.end_device(user.id, one.id).await.unwrap());
    assert!(db.user_of_device(one.id, user.id).await.unwrap().is_none());
    db.create_device(device(&user, "4", 1)).await.unwrap();
    assert_eq!(db.forget_ended_devices().await.unwrap(), 1);
}

async fn a_refresh_token_is_replaced_once(test: TestDb) {
    let user = ann(&test).await;
    let db = &test.db;
    let one = db
        .create_device(device(&user, "1", i64::MAX))
        .await
        .unwrap();
    let (first, second) = (KeyHash::of("1"), KeyHash::of("2"));
    let rotate = |from, to| db.rotate_refresh(one.id, from, to, "198.51.100.0/24", i64::MAX);
    let (a, b) = tokio::join!(rotate(first, second), rotate(first, second));
    assert!(a.unwrap() ^ b.unwrap(), "one of two wins");
    let row = db.refreshable(one.id).await.unwrap().unwrap();
    assert_eq!(row.current, second.to_hex());
    assert_eq!(row.previous, Some(first.to_hex()));
    assert_eq!((row.user.id, row.name.as_str()), (user.id, "curl"));
}

async fn api_tokens_end(test: TestDb) {
    let user = ann(&test).await;
    let db = &test.db;
    let new = |text: &str, expires_at| NewApiToken {
        user: user.id,
        name: "a program".into(),
        prefix: "weir_pat_x".into(),
        hash: KeyHash::of(text),
        scopes: "profile rooms".into(),
        expires_at,
    };
    let one = db.create_api_token(new("1", None), 2).await.unwrap();
    let ended = db.create_api_token(new("2", Some(1)), 2).await.unwrap();
    let over = db.create_api_token(new("3", None), 2).await.unwrap_err();
    assert!(matches!(over, DbError::Invalid { .. }), "{over:?}");
    let found = db.user_of_api_token(KeyHash::of("1")).await.unwrap();
    assert_eq!(found, Some((user.clone(), one.clone())));
    assert!(
        db.user_of_api_token(KeyHash::of("2"))
            .await
            .unwrap()
            .is_none()
    );
    let alive = db.api_tokens_alive(&[one.id, ended.id]).await.unwrap();
    assert_eq!(alive, [one.id]);
    db.api_token_used(one.id).await.unwrap();
    let list = db.api_tokens_of_user(user.id, None, 10).await.unwrap();
    assert_eq!((list[0].id, list[1].id), (ended.id, one.id));
    assert!(list[1].last_used_at.is_some());
    assert!(db.end_api_token(user.id, one.id).await.unwrap());
    assert!(
        db.user_of_api_token(KeyHash::of("1"))
            .await
            .unwrap()
            .is_none()
    );
}

async fn keys_go_when_their_successor_is_old(test: TestDb) {
    let db = &test.db;
    let first = db.create_token_key("a", "sealed").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let second = db.create_token_key("b", "sealed").await.unwrap();
    assert_eq!(db.token_keys().await.unwrap(), [second.clone(), first]);
    assert_eq!(db.forget_token_keys(second.created_at).await.unwrap(), 0);
    assert_eq!(
        db.forget_token_keys(second.created_at + 1).await.unwrap(),
        1
    );
    assert_eq!(db.token_keys().await.unwrap(), [second]);
    // However fast they come, the last one signs.
    for kid in ["z", "y", "d", "c"] {
        db.create_token_key(kid, "sealed").await.unwrap();
        assert_eq!(db.token_keys().await.unwrap()[0].kid, kid);
    }
    assert_eq!(db.drop_other_token_keys("c").await.unwrap(), 4);
}

async fn a_code_is_taken_once(test: TestDb) {
    let user = ann(&test).await;
    let db = &test.db;
    assert_eq!(db.totp(user.id).await.unwrap(), None);
    assert!(db.begin_totp(user.id, "one").await.unwrap());
    assert!(
        db.begin_totp(user.id, "two").await.unwrap(),
        "not confirmed"
    );
    assert!(
        !db.take_totp_step(user.id, 5).await.unwrap(),
        "not confirmed"
    );
    let codes = [KeyHash::of("a"), KeyHash::of("b")];
    assert!(!db.confirm_totp(user.id, "one", 7, &codes).await.unwrap());
    assert!(db.confirm_totp(user.id, "two", 7, &codes).await.unwrap());
    assert!(!db.begin_totp(user.id, "three").await.unwrap());
    let row = db.totp(user.id).await.unwrap().unwrap();
    assert!(row.confirmed && row.recovery_codes == 2 && row.sealed == "two");
    assert!(
        !db.take_totp_step(user.id, 7).await.unwrap(),
        "confirmed with it"
    );
    assert!(db.take_totp_step(user.id, 8).await.unwrap());
    assert!(!db.take_totp_step(user.id, 8).await.unwrap());
    assert!(db.take_recovery_code(user.id, codes[0]).await.unwrap());
    assert!(!db.take_recovery_code(user.id, codes[0]).await.unwrap());
    db.replace_recovery_codes(user.id, &codes).await.unwrap();
    assert_eq!(db.totp(user.id).await.unwrap().unwrap().recovery_codes, 2);
    assert!(db.remove_totp(user.id).await.unwrap());
    assert!(!db.remove_totp(user.id).await.unwrap());
    assert!(!db.take_recovery_code(user.id, codes[1]).await.unwrap());
}
