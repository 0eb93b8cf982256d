//! Names of rooms: `stream:demo`, `event:rustconf/keynote`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::StreamSlug;

/// Which room.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RoomName {
    /// A stream's: `stream:<slug>`.
    Stream(StreamSlug),
    /// That of a session of an event: `event:<slug>/<session>`. Both parts are slugs.
    Event {
        /// The event.
        event: StreamSlug,
        /// The session within it.
        session: StreamSlug,
    },
}

/// Why a text names no room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a room is named stream:<slug> or event:<slug>/<session>")]
pub struct RoomNameError;

impl FromStr for RoomName {
    type Err = RoomNameError;

    fn from_str(text: &str) -> Result<Self, RoomNameError> {
        let slug = |text: &str| text.parse::<StreamSlug>().map_err(|_| RoomNameError);
        match text.split_once(':') {
            Some(("stream", name)) => Ok(Self::Stream(slug(name)?)),
            Some(("event", rest)) => {
                let (event, session) = rest.split_once('/').ok_or(RoomNameError)?;
                Ok(Self::Event {
                    event: slug(event)?,
                    session: slug(session)?,
                })
            }
            _ => Err(RoomNameError),
        }
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(slug) => write!(f, "stream:{slug}"),
            Self::Event { event, session } => write!(f, "event:{event}/{session}"),
        }
    }
}

impl TryFrom<String> for RoomName {
    type Error = RoomNameError;

    fn try_from(text: String) -> Result<Self, RoomNameError> {
        text.parse()
    }
}

impl From<RoomName> for String {
    fn from(name: RoomName) -> Self {
        name.to_string()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for RoomName {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("Which room: stream:<slug> or event:<slug>/<session>."))
            .pattern(Some(
                "^(stream:[a-z0-9][a-z0-9_-]{0,63}|event:[a-z0-9][a-z0-9_-]{0,63}/[a-z0-9][a-z0-9_-]{0,63})$",
            ))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for RoomName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_they_are_written() {
        for text in ["stream:demo", "event:rustconf/keynote"] {
            assert_eq!(text.parse::<RoomName>().expect(text).to_string(), text);
        }
        for bad in [
            "demo",
            "stream:",
            "stream:A",
            "event:a",
            "event:a/b/c",
            "x:y",
            "",
        ] {
            assert_eq!(bad.parse::<RoomName>(), Err(RoomNameError), "{bad}");
        }
    }
}
