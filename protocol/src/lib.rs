//! Types that the server and the browser share: REST bodies, live state, error codes.
//!
//! Nothing here does I/O, and everything compiles for `wasm32-unknown-unknown`.

mod access;
mod insight;
mod layer;
mod page;
mod problem;
mod scope;
mod slug;
mod stream;
mod viewers;

pub use access::{CreateStream, LoginRequest, LoginResponse, Me, StreamAccess};
pub use insight::{
    ActivityItem, ActivityReport, ActivityTotals, BroadcastInsight, BroadcastSummary,
    CreatorInsight, InsightPoint, InsightTotals, LayerTime, QoeReport, Step, StreamInsight,
    StreamTotals, ViewerSessionReport,
};
pub use layer::{LAYER_RELATION, Layer, SelectLayer, SessionLayers};
pub use page::Page;
pub use problem::{ErrorCode, Problem};
pub use scope::Scope;
pub use slug::{SlugError, StreamSlug};
pub use stream::{IngestProtocol, ServerTime, StreamEvent, StreamSummary, ViewerCount};
pub use viewers::{LayerViewers, StreamViewers, ViewerReport};
