//! Lists in pages: a cursor says where the next one begins.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::IntoParams;
use weir_protocol::Page;

use crate::ApiError;

/// Items in a page when the client does not say.
const DEFAULT_LIMIT: u32 = 50;

/// Items in a page at most.
const MAX_LIMIT: u32 = 100;

/// Longest cursor in characters; ours are far shorter.
const MAX_CURSOR: usize = 512;

/// Parameters of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Items at most.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// `next` of the page before; none for the first page.
    #[param(max_length = 512)]
    cursor: Option<String>,
}

impl PageQuery {
    /// For lists with parameters of their own: their query cannot hold this as a flattened member,
    /// since flattened numbers do not parse.
    pub(crate) fn new(limit: Option<u32>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    /// Items to give.
    ///
    /// # Errors
    /// 400 when the client asks for none or for too many.
    pub(crate) fn limit(&self) -> Result<u32, ApiError> {
        match self.limit {
            None => Ok(DEFAULT_LIMIT),
            Some(limit @ 1..=MAX_LIMIT) => Ok(limit),
            Some(_) => Err(ApiError::BadRequest(format!(
                "limit is a number from 1 to {MAX_LIMIT}"
            ))),
        }
    }

    /// Where to go on: what [`page`] was given by the page before.
    ///
    /// # Errors
    /// 400 for a cursor that is not ours.
    pub(crate) fn after<K: DeserializeOwned>(&self) -> Result<Option<K>, ApiError> {
        let Some(text) = &self.cursor else {
            return Ok(None);
        };
        let key = (text.len() <= MAX_CURSOR)
            .then(|| URL_SAFE_NO_PAD.decode(text).ok())
            .flatten()
            .and_then(|json| serde_json::from_slice(&json).ok());
        match key {
            Some(key) => Ok(Some(key)),
            None => Err(ApiError::BadRequest(
                "the cursor is not one of this list; take `next` of the page before as it is"
                    .into(),
            )),
        }
    }
}

/// A sort key as a cursor.
pub(crate) fn cursor<K: Serialize>(key: &K) -> String {
    let json = serde_json::to_vec(key).expect("a sort key is plain data");
    URL_SAFE_NO_PAD.encode(json)
}

/// A page out of rows that were asked for with one more than `limit`, so that the end is known.
/// `key` gives a row's sort key, from which the next page goes on.
pub(crate) fn page<R, K: Serialize, T>(
    mut rows: Vec<R>,
    limit: u32,
    key: impl Fn(&R) -> K,
    item: impl FnMut(R) -> T,
) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| cursor(&key(row)));
    Page {
        items: rows.into_iter().map(item).collect(),
        next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_join_up() {
        let rows: Vec<(i64, &str)> = vec![(3, "c"), (2, "b"), (1, "a")];
        let first = page(rows.clone(), 2, |row| *row, |row| row.1);
        assert_eq!(first.items, ["c", "b"]);
        let query = PageQuery::new(None, first.next);
        let (number, name): (i64, String) = query.after().expect("ours").expect("there is more");
        assert_eq!((number, name.as_str()), (2, "b"));
        assert_eq!(page(rows, 3, |row| *row, |row| row.1).next, None);
    }

    #[test]
    fn foreign_cursors_and_limits_are_refused() {
        for bad in ["?", "bnVsbA", &"A".repeat(600)] {
            let query = PageQuery::new(None, Some(bad.into()));
            assert!(query.after::<(i64, i64)>().is_err(), "{bad}");
        }
        assert!(PageQuery::new(Some(0), None).limit().is_err());
        assert!(PageQuery::new(Some(101), None).limit().is_err());
        assert_eq!(PageQuery::default().limit(), Ok(50));
    }
}
