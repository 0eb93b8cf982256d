//! Load generator and benchmarks: [`fanout()`] measures the media plane beside the [`limit()`],
//! [`load()`] any WHEP server, [`api()`] the REST API over a full database.

pub mod alloc;
mod api;
mod clock;
mod cpu;
mod endpoint;
mod fanout;
mod host;
mod http;
mod ingest;
mod keys;
mod ladder;
mod limit;
mod load;
mod media_host;
mod peer;
mod publisher;
mod recv;
mod report;
pub mod rooms;
mod rtcp;
mod sdp;
pub mod server;
mod session_keys;
mod soak;
mod sockets;
pub mod source;
mod srtp;
mod turn;
mod viewer;
mod viewers;

pub use api::{ApiPlan, ApiReport, ApiRow, api};
pub use fanout::{FanoutPlan, FanoutReport, FanoutRow, FanoutRun, fanout};
pub use host::SUBCOMMAND as MEDIA_HOST;
pub use ladder::{
    LadderPlan, LadderReport, LadderRow, SUBCOMMAND as BRIDGE_WORKER, bridge_worker, ladder,
};
pub use limit::{LimitPlan, LimitReport, LimitRow, LimitRun, limit};
pub use load::{LoadPlan, LoadReport, Measured, Target, load};
pub use media_host::run as media_host;
pub use report::{Machine, Percentiles};
pub use soak::{Held, SoakPlan, SoakReport, soak};
pub use turn::{TurnPlan, TurnReport, TurnRun, turn};
