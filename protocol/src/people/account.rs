//! What a user does with its own account, and what admins do with all.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! hidden {
    ($($name:ident),+) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Passwords, tokens and addresses must not reach a log.
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        })+
    };
}

/// Body of `POST /api/v1/me/password`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The one until now.
    #[cfg_attr(feature = "openapi", schema(max_length = 1024))]
    pub current: String,
    /// The one from now on: at least 8 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 8, max_length = 1024))]
    pub new: String,
}

/// Body of `POST /api/v1/me/email`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeEmail {
    /// Where mail is to reach the user. It counts once the link in a mail to it was followed.
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 254))]
    pub email: String,
    /// The account's password.
    #[cfg_attr(feature = "openapi", schema(max_length = 1024))]
    pub password: String,
}

/// Body of `POST /api/v1/password-reset`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ForgottenPassword {
    /// The account's address.
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 254))]
    pub email: String,
}

/// Body of `POST /api/v1/password-reset/confirm`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// From the link in the mail.
    #[cfg_attr(feature = "openapi", schema(max_length = 128))]
    pub token: String,
    /// The password from now on: at least 8 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 8, max_length = 1024))]
    pub password: String,
}

/// Body of `POST /api/v1/email-confirmation`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmEmail {
    /// From the link in the mail.
    #[cfg_attr(feature = "openapi", schema(max_length = 128))]
    pub token: String,
}

/// Body of `DELETE /api/v1/me`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeleteAccount {
    /// The account's password.
    #[cfg_attr(feature = "openapi", schema(max_length = 1024))]
    pub password: String,
}

hidden!(
    ChangePassword,
    ChangeEmail,
    ForgottenPassword,
    ResetPassword,
    ConfirmEmail,
    DeleteAccount,
    UserAccount
);

/// A user as admins see it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserAccount {
    /// User name.
    pub name: String,
    /// Name for people.
    pub display_name: Option<String>,
    /// Address.
    pub email: Option<String>,
    /// Whether the address is known to be the user's.
    pub email_verified: bool,
    /// `admin`, `moderator`, `speaker` or `attendee`.
    pub role: String,
    /// Whether a speaker may stream.
    pub approved: bool,
    /// Since when the account is locked; absent when it is not.
    pub disabled_at: Option<i64>,
    /// When the account was made.
    pub created_at: i64,
    /// Counts changes; the entity tag.
    pub version: i64,
}

/// What users may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UserRole {
    /// Everything.
    Admin,
    /// Keeps order in every room.
    Moderator,
    /// Own streams and events.
    Speaker,
    /// Watches, chats, follows.
    Attendee,
}

/// Body of `PATCH /api/v1/admin/users/{name}`. What is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct EditUser {
    /// Rights.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub role: Option<UserRole>,
    /// Whether a speaker may stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub approved: Option<bool>,
    /// Locks the account, which ends its sessions, or unlocks it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub disabled: Option<bool>,
}

/// Body of `POST /api/v1/me/creator-application`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ApplyAsCreator {
    /// What the user wants to stream.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 2000))]
    pub text: String,
}

/// Somebody who asks to stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatorApplicationItem {
    /// Who.
    pub name: String,
    /// In the user's words.
    pub text: String,
    /// `pending`, `approved` or `rejected`.
    pub state: String,
    /// Why, in the admin's words.
    pub reason: Option<String>,
    /// When the user asked.
    pub created_at: i64,
    /// When it was decided.
    pub decided_at: Option<i64>,
}

/// Body of `POST /api/v1/admin/creator-applications/{name}/decision`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DecideApplication {
    /// Whether the user may stream.
    pub approved: bool,
    /// Why; the user reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 1000))]
    pub reason: Option<String>,
}

/// What an import did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportReport {
    /// Whether nothing was written.
    pub dry_run: bool,
    /// New users.
    pub created: u32,
    /// Users that have changed.
    pub updated: u32,
    /// Users that were so already.
    pub skipped: u32,
    /// Rows that were left out.
    pub errors: u32,
    /// Every row, in order.
    pub rows: Vec<ImportedRow>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportedRow {
    /// Line of the file at which the row begins; the heading is line 1.
    pub line: u64,
    /// As it stands in the row.
    pub name: String,
    /// What became of it.
    pub outcome: RowOutcome,
    /// Why it was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What becomes of a row of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RowOutcome {
    /// A new user.
    Created,
    /// A user that was there has changed.
    Updated,
    /// The user was as the row says.
    Skipped,
    /// Left out.
    Error,
}

/// A provider by which users may log in: `GET /api/v1/oidc`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LoginProvider {
    /// Its name in addresses.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Where to send the browser.
    pub login_url: String,
}

/// A provider's account that logs in to the user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkedIdentity {
    /// The provider's name in addresses.
    pub provider: String,
    /// Since when.
    pub created_at: i64,
}
