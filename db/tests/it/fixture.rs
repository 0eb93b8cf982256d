//! A fresh database for each case, of either kind.

use tempfile::TempDir;
use weir_db::{Db, KeyHash, NewStream, Stream};
use weir_protocol::StreamSlug;

use crate::postgres;

/// A database that goes away with the test.
pub struct TestDb {
    pub db: Db,
    pub url: String,
    _folder: Option<TempDir>,
}

impl TestDb {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = Db::sqlite_url(&folder.path().join("weir.db"));
        Self {
            db: Db::open(&url).await.unwrap(),
            url,
            _folder: Some(folder),
        }
    }

    pub async fn postgres() -> Self {
        let url = postgres::new_database().await;
        Self {
            db: Db::open(&url).await.unwrap(),
            url,
            _folder: None,
        }
    }
}

/// Makes of each `async fn case(test: TestDb)` two tests, `sqlite::case` and `postgres::case`.
macro_rules! on_both {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                super::$case(crate::fixture::TestDb::sqlite().await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $case() {
                super::$case(crate::fixture::TestDb::postgres().await).await;
            })+
        }
    };
}
pub(crate) use on_both;

pub fn slug(text: &str) -> StreamSlug {
    text.parse().unwrap()
}

/// A stream whose key is `key of {slug}`.
pub async fn make_stream(db: &Db, name: &str) -> Stream {
    db.create_stream(NewStream {
        slug: slug(name),
        title: format!("Title of {name}"),
        key_hash: KeyHash::of(&format!("key of {name}")),
        owner: None,
    })
    .await
    .unwrap()
}
