//! What streams and broadcasts came to. Their look stands in `assets/style/insight.css`.

mod broadcast;
mod broadcasts;
mod curves;
mod figures;
mod overview;
mod period;
pub mod questions;
mod score;
mod sessions;
mod stream;

pub use broadcast::StudioBroadcast;
pub use overview::StudioInsight;
pub use stream::Insight;
