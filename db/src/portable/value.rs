//! Single values, as they stand in a backup.

use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use sqlx::{
    Any, Row as _,
    any::{AnyArguments, AnyRow},
    query::Query,
};

use super::{Column, MoveError, damaged};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Integer,
    Real,
    Text,
    Bytes,
}

impl Kind {
    /// Of a type as the migrations or PostgreSQL's catalogue name it.
    pub(super) fn of(declared: &str) -> Option<Self> {
        match declared.to_ascii_lowercase().as_str() {
            "bigint" | "integer" | "smallint" => Some(Self::Integer),
            "double precision" => Some(Self::Real),
            "text" => Some(Self::Text),
            "bytea" | "blob" => Some(Self::Bytes),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null(Kind),
    Integer(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row, in the order of its table's columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row(pub(super) Vec<Value>);

impl Row {
    pub(super) fn from_database(row: &AnyRow, columns: &[Column]) -> sqlx::Result<Self> {
        let value = |(index, column): (usize, &Column)| {
            Ok(match column.kind {
                Kind::Integer => row.try_get::<Option<i64>, _>(index)?.map(Value::Integer),
                Kind::Real => row.try_get::<Option<f64>, _>(index)?.map(Value::Real),
                Kind::Text => row.try_get::<Option<String>, _>(index)?.map(Value::Text),
                Kind::Bytes => row.try_get::<Option<Vec<u8>>, _>(index)?.map(Value::Bytes),
            }
            .unwrap_or(Value::Null(column.kind)))
        };
        columns
            .iter()
            .enumerate()
            .map(value)
            .collect::<sqlx::Result<_>>()
            .map(Self)
    }

    /// A JSON array. Reals and bytes are text in it: the shortest decimals that mean the same number, and
    /// hexadecimal.
    pub(super) fn to_json(&self) -> Json {
        let json = |value: &Value| match value {
            Value::Null(_) => Json::Null,
            Value::Integer(number) => (*number).into(),
            Value::Real(number) => format!("{number:?}").into(),
            Value::Text(text) => text.as_str().into(),
            Value::Bytes(bytes) => to_hex(bytes).into(),
        };
        Json::Array(self.0.iter().map(json).collect())
    }

    pub(super) fn from_json(json: Json, columns: &[Column]) -> Result<Self, MoveError> {
        let Json::Array(values) = json else {
            return Err(damaged("a row is no list"));
        };
        if values.len() != columns.len() {
            return Err(damaged("a row has another number of values than its table"));
        }
        let value = |(json, column): (Json, &Column)| {
            let value = match (column.kind, json) {
                (kind, Json::Null) => Some(Value::Null(kind)),
                (Kind::Integer, Json::Number(number)) => number.as_i64().map(Value::Integer),
                (Kind::Real, Json::String(text)) => text.parse().ok().map(Value::Real),
                (Kind::Text, Json::String(text)) => Some(Value::Text(text)),
                (Kind::Bytes, Json::String(text)) => from_hex(&text).map(Value::Bytes),
                _ => None,
            };
            value.ok_or_else(|| damaged(format!("a value of column {} is of no use", column.name)))
        };
        let values = values.into_iter().zip(columns).map(value);
        values.collect::<Result<_, _>>().map(Self)
    }

    /// 128 bits of the SHA-256 of the row's JSON.
    pub(super) fn digest(&self) -> u128 {
        let digest = Sha256::digest(self.to_json().to_string());
        let (first, _) = digest
            .split_first_chunk::<16>()
            .expect("SHA-256 has 32 bytes");
        u128::from_be_bytes(*first)
    }

    pub(super) fn bind<'q>(
        self,
        query: Query<'q, Any, AnyArguments>,
    ) -> Query<'q, Any, AnyArguments> {
        self.0.into_iter().fold(query, |query, value| match value {
            Value::Null(Kind::Integer) => query.bind(None::<i64>),
            Value::Null(Kind::Real) => query.bind(None::<f64>),
            Value::Null(Kind::Text) => query.bind(None::<String>),
            Value::Null(Kind::Bytes) => query.bind(None::<Vec<u8>>),
            Value::Integer(number) => query.bind(number),
            Value::Real(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
            Value::Bytes(bytes) => query.bind(bytes),
        })
    }
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    };
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn columns(kinds: &[Kind]) -> Vec<Column> {
        let column = |kind: &Kind| Column {
            name: "c".to_owned(),
            kind: *kind,
        };
        kinds.iter().map(column).collect()
    }

    #[test]
    fn json_keeps_every_value() {
        let row = Row(vec![
            Value::Integer(i64::MIN),
            Value::Integer(i64::MAX),
            Value::Real(0.1 + 0.2),
            Value::Real(5e-324),
            Value::Text("line\nbreak \"ü\" \u{1F600}".to_owned()),
            Value::Bytes(vec![0, 255, 16]),
            Value::Null(Kind::Real),
        ]);
        let columns = columns(&[
            Kind::Integer,
            Kind::Integer,
            Kind::Real,
            Kind::Real,
            Kind::Text,
            Kind::Bytes,
            Kind::Real,
        ]);
        let text = row.to_json().to_string();
        assert!(!text.contains('\n'), "one row is one line");
        let again = Row::from_json(serde_json::from_str(&text).unwrap(), &columns).unwrap();
        assert_eq!(again, row);
        assert_eq!(again.digest(), row.digest());
    }

    #[test]
    fn what_does_not_fit_its_column_is_damage() {
        for (kind, text) in [
            (Kind::Integer, "[\"1\"]"),
            (Kind::Integer, "[1.5]"),
            (Kind::Integer, "[9223372036854775808]"),
            (Kind::Text, "[1]"),
            (Kind::Bytes, "[\"0\"]"),
            (Kind::Bytes, "[\"zz\"]"),
            (Kind::Real, "[\"x\"]"),
            (Kind::Text, "[]"),
            (Kind::Text, "{}"),
        ] {
            let json = serde_json::from_str(text).unwrap();
            assert!(Row::from_json(json, &columns(&[kind])).is_err(), "{text}");
        }
    }
}
