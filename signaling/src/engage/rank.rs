//! Who stands above whom in a room. Pure.

use weir_db::{Role, User, UserId};
use weir_protocol::room::RoomErrorCode;

use super::Policy;
use crate::rooms::RoomError;

/// Where somebody stands in a room, the lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Anybody.
    Member,
    /// Keeps order here.
    Moderator,
    /// Runs the room.
    Owner,
    /// Keeps order everywhere.
    SiteModerator,
    /// Runs the site.
    Admin,
}

impl Rank {
    /// May keep order.
    pub(crate) fn moderates(self) -> bool {
        self >= Self::Moderator
    }

    /// May say who keeps order: the owner and admins.
    pub(crate) fn runs(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }
}

/// Where a user stands in a room with this owner.
pub(crate) fn rank(policy: &Policy, owner: Option<UserId>, user: &User) -> Rank {
    match user.role {
        Role::Admin => Rank::Admin,
        _ if owner == Some(user.id) => Rank::Owner,
        Role::Moderator => Rank::SiteModerator,
        Role::Speaker | Role::Attendee if policy.moderators.contains(&user.id) => Rank::Moderator,
        Role::Speaker | Role::Attendee => Rank::Member,
    }
}

/// Whether one may keep another quiet or take their words away.
///
/// # Errors
/// `Forbidden`.
pub(crate) fn may_act_on(actor: Rank, target: Rank) -> Result<(), RoomError> {
    let forbidden = |why| Err(RoomError::new(RoomErrorCode::Forbidden, why));
    match (actor, target) {
        (actor, _) if !actor.moderates() => forbidden("only moderators of the room may do this"),
        (_, Rank::Owner) => forbidden("nobody may act on the room's owner"),
        (_, Rank::Admin) => forbidden("nobody may act on an admin"),
        (actor, target) if actor <= target => {
            forbidden("you may only act on members who stand below you")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_acts_on_equals_owners_and_admins() {
        use Rank::{Admin, Member, Moderator, Owner, SiteModerator};
        let may = |actor, target| may_act_on(actor, target).is_ok();
        for target in [Member, Moderator, Owner, SiteModerator, Admin] {
            assert!(!may(Member, target));
            assert!(!may(target, target));
            assert!(!may(target, Owner));
            assert!(!may(target, Admin));
        }
        assert!(may(Moderator, Member));
        assert!(!may(Moderator, SiteModerator));
        assert!(may(Owner, Moderator));
        assert!(!may(Owner, SiteModerator));
        assert!(may(SiteModerator, Moderator));
        assert!(may(Admin, SiteModerator));
    }
}
