//! Who takes part, and invitations.

use serde::{Deserialize, Serialize};

use super::words;

/// How far a registration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RegistrationStatus {
    /// An organiser has to decide.
    Pending,
    /// Has a place.
    Confirmed,
    /// Gets a place when one is free, in the order of registering.
    Waiting,
    /// An organiser said no.
    Rejected,
    /// Withdrawn.
    Cancelled,
}

words!(RegistrationStatus {
    Pending = "pending",
    Confirmed = "confirmed",
    Waiting = "waiting",
    Rejected = "rejected",
    Cancelled = "cancelled",
});

/// Body of `POST /api/v1/events/{slug}/registrations`. Whoever is logged in sends neither name nor
/// address; a guest sends both.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Register {
    /// A guest's name.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub name: Option<String>,
    /// A guest's mail address.
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 254))]
    pub email: Option<String>,
    /// From an invitation link.
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    pub invitation: Option<String>,
}

/// The registration of whoever asks.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MyRegistration {
    /// Number, as text.
    pub id: String,
    /// For people.
    pub name: String,
    /// How far it is.
    pub status: RegistrationStatus,
    /// Place in the waiting list, from 1; absent when not waiting.
    pub waiting_position: Option<u32>,
    /// When an organiser checked the attendee in.
    pub checked_in_at: Option<i64>,
    /// When it was made.
    pub created_at: i64,
    /// A guest's proof, shown once: goes into the field `weir-ticket` of later requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub ticket: Option<String>,
}

impl std::fmt::Debug for MyRegistration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MyRegistration")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A registration as organisers see it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RegistrationRow {
    /// Number, as text.
    pub id: String,
    /// User name; absent for guests.
    pub user: Option<String>,
    /// For people.
    pub name: String,
    /// Of guests alone: an account's address stays with the account.
    pub email: Option<String>,
    /// How far it is.
    pub status: RegistrationStatus,
    /// When the attendee was checked in.
    pub checked_in_at: Option<i64>,
    /// When it was made.
    pub created_at: i64,
    /// Whether it came by an invitation.
    pub invited: bool,
}

/// What an organiser can decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RegistrationDecision {
    /// Gets a place, or waits for one.
    Approve,
    /// Gets none; also takes a place away.
    Reject,
}

/// Body of `PATCH /api/v1/events/{slug}/registrations/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DecideRegistration {
    /// What is decided.
    pub decision: RegistrationDecision,
}

/// Body of `POST /api/v1/events/{slug}/invitations`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct CreateEventInvitation {
    /// For one person: the link is sent there, and works once. Without it, the link is for whoever
    /// has it.
    #[cfg_attr(feature = "openapi", schema(min_length = 3, max_length = 254))]
    pub email: Option<String>,
    /// How many may register by it; 1 when absent.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 100_000))]
    pub max_uses: Option<u32>,
    /// When it ends; with the event when absent.
    #[cfg_attr(
        feature = "openapi",
        schema(minimum = 0, maximum = 4_102_444_800_000_i64)
    )]
    pub expires_at: Option<i64>,
}

/// An invitation as organisers see it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventInvitation {
    /// Number, as text.
    pub id: String,
    /// For whom.
    pub email: Option<String>,
    /// How many may register by it.
    pub max_uses: u32,
    /// How many have.
    pub used: u32,
    /// When it ends.
    pub expires_at: Option<i64>,
    /// When it was made.
    pub created_at: i64,
}

/// A new invitation with its link, shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventInvitationAccess {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: EventInvitation,
    /// Goes into [`Register::invitation`].
    pub token: String,
    /// The event's page, with the token.
    pub url: String,
}
