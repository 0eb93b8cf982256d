//! What the public sees of a user, and who follows whom.

use serde::{Deserialize, Serialize};

use crate::{StreamSummary, absent::said};

/// A user as the public sees it: `GET /api/v1/users/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserProfile {
    /// User name.
    pub name: String,
    /// Name for people; the user name when the user has not set one.
    pub display_name: String,
    /// `admin`, `moderator`, `speaker` or `attendee`.
    pub role: String,
    /// What the user says of itself.
    pub bio: String,
    /// Address of a picture.
    pub avatar_url: Option<String>,
    /// Address of a wide picture.
    pub banner_url: Option<String>,
    /// Where else to find the user.
    pub links: Vec<ProfileLink>,
    /// When the account was made.
    pub created_at: i64,
    /// How many follow the user.
    pub followers: i64,
    /// How many the user follows.
    pub following: i64,
    /// Public streams of the user that are live.
    pub live: Vec<StreamSummary>,
    /// Whether you follow the user; absent when you are not logged in.
    pub followed_by_you: Option<bool>,
    /// Whether you have blocked the user; absent when you are not logged in.
    pub blocked_by_you: Option<bool>,
}

/// An address on a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ProfileLink {
    /// What it is.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 40))]
    pub label: String,
    /// `https://…` or `http://…`
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub url: String,
}

/// Body of `PATCH /api/v1/me`. What is absent stays; `null` removes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct EditProfile {
    /// Name for people.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, min_length = 1, max_length = 64))]
    pub display_name: Option<Option<String>>,
    /// What the user says of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 2000))]
    pub bio: Option<String>,
    /// Id of an uploaded image.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$"))]
    pub avatar: Option<Option<String>>,
    /// Id of an uploaded image.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, pattern = "^[0-9a-f]{64}$"))]
    pub banner: Option<Option<String>>,
    /// Where else to find the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_items = 8))]
    pub links: Option<Vec<ProfileLink>>,
}

/// Somebody in a list of people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserCard {
    /// User name.
    pub name: String,
    /// Name for people.
    pub display_name: String,
    /// Address of a picture.
    pub avatar_url: Option<String>,
    /// Since when they follow, are followed or are blocked.
    pub since: i64,
}

/// A broadcast of a user's public stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PastBroadcast {
    /// Its id.
    pub id: String,
    /// The stream's name in addresses.
    pub slug: String,
    /// The stream's title.
    pub title: String,
    /// When it began.
    pub started_at: i64,
    /// When it ended; absent while it is on the air.
    pub ended_at: Option<i64>,
    /// Most viewers at one time.
    pub peak_viewers: u32,
}

/// A picture that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadedImage {
    /// Goes where an image's id is asked for. The same picture always has the same.
    pub id: String,
    /// Where it is.
    pub url: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Like `image/png`.
    pub media_type: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_not_absent() {
        let edit: EditProfile = serde_json::from_str(r#"{"avatar":null}"#).expect("json");
        assert_eq!((edit.avatar, edit.banner), (Some(None), None));
        assert!(serde_json::from_str::<EditProfile>(r#"{"role":"admin"}"#).is_err());
    }
}
