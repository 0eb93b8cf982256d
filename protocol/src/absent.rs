//! Edits tell a member that is absent (it stays) from one that is `null` (it is removed). Beside
//! [`said`], such a member needs `skip_serializing_if`: written as `null`, what is to stay would be removed.

use serde::{Deserialize, Deserializer};

/// The outer `Option` is whether it is there, with `#[serde(default)]`.
pub(crate) fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
