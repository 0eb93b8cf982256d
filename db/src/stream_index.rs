//! How streams are found: the words that the search knows, and the marks that lists filter by.

use std::collections::{HashMap, hash_map::Entry};

use sqlx::{Any, AssertSqlSafe, Transaction};
use weir_protocol::Visibility;

use crate::{CategoryId, Db, Result, Stream, UserId, stream};

/// Longest word that is told from others, in characters; what is beyond is cut, in the index and in
/// questions alike.
const WORD_MAX: usize = 24;

/// Words of a stream at most: those of the title come first.
const WORDS_MAX: usize = 64;

/// Streams that are given their words in one go; see [`Db::index_streams`].
const BATCH: usize = 500;

/// What a word counts, by where it stands.
const IN_TITLE: i64 = 4;
const IN_OWNER: i64 = 3;
const IN_TAGS: i64 = 3;
const IN_CATEGORY: i64 = 2;

/// What a list filters by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Every public stream has this.
    All,
    /// Streams of a user.
    Owner(UserId),
    /// Streams of a category.
    Category(CategoryId),
    /// Streams with a tag, normalised.
    Tag(String),
    /// Streams in a language.
    Language(String),
}

impl Mark {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::All => "all".into(),
            Self::Owner(id) => format!("owner:{id}"),
            Self::Category(id) => format!("category:{id}"),
            Self::Tag(tag) => format!("tag:{tag}"),
            Self::Language(tag) => format!("language:{tag}"),
        }
    }

    /// Whether a stream has it. The same answer as the table's.
    pub fn fits(&self, stream: &Stream) -> bool {
        let details = &stream.details;
        details.visibility == Visibility::Public
            && match self {
                Self::All => true,
                Self::Owner(id) => stream.owner == Some(*id),
                Self::Category(id) => details.category == Some(*id),
                Self::Tag(tag) => details.tags.contains(tag),
                Self::Language(tag) => details.language.as_ref() == Some(tag),
            }
    }
}

/// A text's words as the search knows them: letters and digits, in lower case, cut to the length that is
/// told apart.
pub fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().chars().take(WORD_MAX).collect())
        .collect()
}

/// A stream's words, each with the greatest weight that it has. The same as stand in the table.
pub fn weighted_words(stream: &Stream) -> HashMap<String, i64> {
    let owner = stream.owner_names.as_ref();
    let sources = [
        (IN_TITLE, stream.title.as_str()),
        (IN_TITLE, stream.slug.as_str()),
        (IN_OWNER, owner.map_or("", |owner| &owner.name)),
        (
            IN_OWNER,
            owner
                .and_then(|it| it.display_name.as_deref())
                .unwrap_or(""),
        ),
        (
            IN_CATEGORY,
            stream.category_names.as_ref().map_or("", |it| &it.name),
        ),
    ];
    let tags = stream
        .details
        .tags
        .iter()
        .map(|tag| (IN_TAGS, tag.as_str()));
    let mut found = HashMap::new();
    for (weight, text) in sources.into_iter().chain(tags) {
        for word in words(text) {
            let is_full = found.len() >= WORDS_MAX;
            match found.entry(word) {
                Entry::Occupied(mut known) if *known.get() < weight => {
                    known.insert(weight);
                }
                Entry::Vacant(free) if !is_full => {
                    free.insert(weight);
                }
                Entry::Occupied(_) | Entry::Vacant(_) => {}
            }
        }
    }
    found
}

/// A word as it stands in the table: see the migration.
pub(crate) fn hex(word: &str) -> String {
    word.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn marks(stream: &Stream) -> Vec<Mark> {
    let details = &stream.details;
    let mut marks = vec![Mark::All];
    marks.extend(stream.owner.map(Mark::Owner));
    marks.extend(details.category.map(Mark::Category));
    marks.extend(details.language.clone().map(Mark::Language));
    marks.extend(details.tags.iter().cloned().map(Mark::Tag));
    marks
}

/// Makes the tables say what the stream says. Nothing is found of one that is not public.
pub(crate) async fn write(tx: &mut Transaction<'static, Any>, stream: &Stream) -> Result<()> {
    for clear in [
        "DELETE FROM stream_words WHERE stream_id = $1",
        "DELETE FROM stream_marks WHERE stream_id = $1",
    ] {
        sqlx::query(clear)
            .bind(stream.id.0)
            .execute(&mut **tx)
            .await?;
    }
    if stream.details.visibility == Visibility::Public {
        insert(tx, std::slice::from_ref(stream)).await?;
    }
    Ok(())
}

/// Words and marks of these public streams, in one statement each.
async fn insert(tx: &mut Transaction<'static, Any>, streams: &[Stream]) -> Result<()> {
    // Our own numbers, hexadecimal digits and weights stand in the text; marks carry what people wrote.
    let mut words = Vec::new();
    let mut all_marks = Vec::new();
    for stream in streams {
        let id = stream.id;
        words.extend(
            weighted_words(stream)
                .iter()
                .map(|(word, weight)| format!("('{}', {id}, {weight})", hex(word))),
        );
        all_marks.extend(marks(stream).into_iter().map(|mark| (mark.text(), id)));
    }
    if !words.is_empty() {
        let insert = format!(
            "INSERT INTO stream_words (word, stream_id, weight) VALUES {}",
            words.join(", ")
        );
        sqlx::query(AssertSqlSafe(insert))
            .persistent(false)
            .execute(&mut **tx)
            .await?;
    }
    let places: Vec<String> = (1..=all_marks.len())
        .map(|n| format!("(${n}, {})", all_marks[n - 1].1))
        .collect();
    let insert = format!(
        "INSERT INTO stream_marks (mark, stream_id) VALUES {} ON CONFLICT DO NOTHING",
        places.join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(insert)).persistent(false);
    for (mark, _) in all_marks {
        query = query.bind(mark);
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

impl Db {
    /// Makes words and marks of rows that have none yet: those of before the search, and those whose
    /// owner or category has another name now. Gives how many there were.
    pub async fn index_streams(&self) -> Result<u64> {
        let mut done = 0;
        loop {
            let mut tx = self.begin_write().await?;
            let query = format!(
                "{} WHERE s.indexed = 0 ORDER BY s.id LIMIT {BATCH}",
                stream::SELECT
            );
            let rows = sqlx::query(AssertSqlSafe(query))
                .fetch_all(&mut *tx)
                .await?;
            let streams = stream::from_rows(&rows)?;
            if streams.is_empty() {
                return Ok(done);
            }
            let ids: Vec<String> = streams.iter().map(|it| it.id.to_string()).collect();
            let ids = ids.join(", ");
            for change in [
                format!("DELETE FROM stream_words WHERE stream_id IN ({ids})"),
                format!("DELETE FROM stream_marks WHERE stream_id IN ({ids})"),
                format!("UPDATE streams SET indexed = 1 WHERE id IN ({ids})"),
            ] {
                sqlx::query(AssertSqlSafe(change))
                    .persistent(false)
                    .execute(&mut *tx)
                    .await?;
            }
            done += streams.len() as u64;
            let mut public = streams;
            public.retain(|it| it.details.visibility == Visibility::Public);
            if !public.is_empty() {
                insert(&mut tx, &public).await?;
            }
            tx.commit().await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_in_texts_and_questions() {
        assert_eq!(
            words("Höhlen-Tour, Teil 2!"),
            ["höhlen", "tour", "teil", "2"]
        );
        assert_eq!(words(&"x".repeat(40)), ["x".repeat(24)]);
        assert_eq!(words(" -\0- "), Vec::<String>::new());
        assert_eq!(hex("ab"), "6162");
    }
}
