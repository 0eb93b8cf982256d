//! Writing down who did what.

use weir_db::NewAuditEntry;

use super::visit::Actor;
use crate::{
    App,
    rooms::{Room, RoomError},
};

/// Whom or what it was done to.
#[derive(Debug, Clone, Default)]
pub(super) struct Object {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) reason: Option<String>,
}

impl Object {
    pub(super) fn new(id: impl ToString, name: impl Into<String>) -> Self {
        Self {
            id: Some(id.to_string()),
            name: Some(name.into()),
            reason: None,
        }
    }

    pub(super) fn because(mut self, reason: &str) -> Self {
        self.reason = (!reason.is_empty()).then(|| reason.to_owned());
        self
    }
}

/// Writes it down. What was done stands even when this fails; who did it is told, and does it again.
pub(super) async fn log(
    app: &App,
    room: &Room,
    actor: &Actor,
    action: &'static str,
    object: Object,
) -> Result<(), RoomError> {
    let entry = NewAuditEntry {
        room: Some(room.id),
        room_name: room.target.name.to_string(),
        by: actor.user.id,
        by_name: actor.user.name.clone(),
        action,
        target: object.id,
        target_name: object.name,
        reason: object.reason,
    };
    tracing::info!(room = %room.target.name, by = %actor.user.name, action, "moderation");
    Ok(app.services.db.log_action(&entry).await?)
}
