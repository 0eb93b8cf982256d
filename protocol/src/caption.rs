//! Captions that a publisher sends within its pictures.

use serde::{Deserialize, Serialize};

/// What is to be read now, in place of what was before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Caption {
    /// From top to bottom, at most 15 of at most 32 characters; none where there is nothing to read.
    pub lines: Vec<String>,
}
