//! What states of events are called.

use weir_protocol::{EventState, EventVisibility, RegistrationStatus};

use crate::texts::event as said;

/// Where an event is in its life.
pub fn state(state: EventState) -> &'static str {
    match state {
        EventState::Draft => said::state_draft(),
        EventState::Published => said::state_published(),
        EventState::Cancelled => said::state_cancelled(),
        EventState::Ended => said::state_ended(),
    }
}

/// Who may see it.
pub fn visibility(visibility: EventVisibility) -> &'static str {
    match visibility {
        EventVisibility::Public => said::public(),
        EventVisibility::Unlisted => said::unlisted(),
        EventVisibility::Private => said::private(),
    }
}

/// How far a registration is.
pub fn status(status: RegistrationStatus) -> &'static str {
    match status {
        RegistrationStatus::Pending => said::status_pending(),
        RegistrationStatus::Confirmed => said::status_confirmed(),
        RegistrationStatus::Waiting => said::status_waiting(),
        RegistrationStatus::Rejected => said::status_rejected(),
        RegistrationStatus::Cancelled => said::status_cancelled(),
    }
}
