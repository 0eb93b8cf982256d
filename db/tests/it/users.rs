//! Users.

use weir_db::{DbError, NewUser, Role};

use crate::fixture::{TestDb, on_both};

on_both!(
    round_trip_in_any_case,
    names_are_unique,
    impossible_names_are_refused,
    text_is_data_never_sql,
    counted
);

fn new(name: &str) -> NewUser {
    NewUser {
        name: name.into(),
        password_hash: "$argon2id$v=19$…".into(),
        role: Role::Admin,
    }
}

async fn round_trip_in_any_case(test: TestDb) {
    let made = test.db.create_user(new("ÄnnA")).await.unwrap();
    assert_eq!(made.name, "änna");
    assert!(
        made.created_at > 1_700_000_000_000,
        "milliseconds since 1970"
    );
    assert_eq!(test.db.user_by_name("ÄNNA").await.unwrap(), Some(made));
    assert_eq!(test.db.user_by_name("bert").await.unwrap(), None);
}

async fn names_are_unique(test: TestDb) {
    test.db.create_user(new("anna")).await.unwrap();
    let clash = test.db.create_user(new("Anna")).await.unwrap_err();
    assert!(
        matches!(clash, DbError::Conflict { what: "user name" }),
        "{clash:?}"
    );
    assert_eq!(test.db.count_users().await.unwrap(), 1);
}

async fn impossible_names_are_refused(test: TestDb) {
    for name in ["", "a b", "a\0b", "a\nb", &"x".repeat(65)] {
        let refused = test.db.create_user(new(name)).await.unwrap_err();
        assert!(
            matches!(
                refused,
                DbError::Invalid {
                    what: "user name",
                    ..
                }
            ),
            "{name:?}"
        );
        assert_eq!(test.db.user_by_name(name).await.unwrap(), None);
    }
    let mut odd = new("anna");
    odd.password_hash = "a\0b".into();
    let refused = test.db.create_user(odd).await.unwrap_err();
    assert!(matches!(
        refused,
        DbError::Invalid {
            what: "password hash",
            ..
        }
    ));
    assert_eq!(test.db.count_users().await.unwrap(), 0);
}

async fn text_is_data_never_sql(test: TestDb) {
    for name in ["x';drop--", "x\"", "%", "$1", "\\'", "日本語", "👩‍🚀"] {
        let made = test.db.create_user(new(name)).await.unwrap();
        assert_eq!(
            test.db.user_by_name(name).await.unwrap(),
            Some(made),
            "{name}"
        );
    }
    assert_eq!(test.db.user_by_name("'or'1'='1").await.unwrap(), None);
    assert_eq!(test.db.count_users().await.unwrap(), 7);
}

async fn counted(test: TestDb) {
    assert_eq!(test.db.count_users().await.unwrap(), 0);
    test.db.create_user(new("a")).await.unwrap();
    let mut streamer = new("b");
    streamer.role = Role::Speaker;
    test.db.create_user(streamer).await.unwrap();
    assert_eq!(test.db.count_users().await.unwrap(), 2);
    let role = test.db.user_by_name("b").await.unwrap().unwrap().role;
    assert_eq!(role, Role::Speaker);
}
