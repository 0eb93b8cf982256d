//! TEMPORARY until the media plane's branch lands.
#![allow(missing_docs, dead_code, async_fn_in_trait)]
use std::time::Duration;
use weir_sfu::{SessionId, Sfu, StreamId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerChoice {
    Auto,
    Layer(String),
    MaxHeight(u16),
    AudioOnly,
    Paused,
}
#[derive(Debug, Clone)]
pub struct ViewerStats {
    pub session: SessionId,
    pub connected_for: Duration,
    pub bitrate: u64,
    pub layer: Option<String>,
    pub choice: LayerChoice,
    pub width: Option<u16>,
    pub height: Option<u16>,
    pub loss: f32,
    pub rtt: Option<Duration>,
    pub estimate: u64,
    pub nacks: u64,
    pub keyframe_requests: u64,
    pub dropped: u64,
    pub retransmissions: u64,
}
#[derive(Debug, Clone)]
pub struct LayerStats {
    pub name: String,
    pub width: Option<u16>,
    pub height: Option<u16>,
    pub bitrate: u64,
    pub active: bool,
    pub viewers: u64,
}
#[derive(Debug, Clone, Default)]
pub struct StreamStats {
    pub layers: Vec<LayerStats>,
    pub viewers: Vec<ViewerStats>,
}
#[derive(Debug, Clone)]
pub struct IceParameters {
    pub ufrag: String,
    pub pwd: String,
}
#[derive(Debug, Clone)]
pub struct IceAnswer {
    pub ufrag: String,
    pub pwd: String,
    pub candidates: Vec<String>,
}
#[derive(Debug, Clone, thiserror::Error)]
pub enum IceRestartError {
    #[error("no such session")]
    NoSuchSession,
    #[error("bad {0}")]
    Malformed(String),
    #[error("same")]
    Unchanged,
    #[error("not now {0}")]
    Unavailable(&'static str),
}
pub trait Soon {
    fn set_playout_delay(&self, stream: StreamId, min: Duration, max: Duration);
    async fn select_layer(&self, session: SessionId, choice: LayerChoice) -> bool;
    async fn viewer_stats(&self, session: SessionId) -> Option<ViewerStats>;
    async fn stream_stats(&self, stream: StreamId) -> Option<StreamStats>;
    async fn restart_ice(
        &self,
        session: SessionId,
        parameters: IceParameters,
    ) -> Result<IceAnswer, IceRestartError>;
}
impl Soon for Sfu {
    fn set_playout_delay(&self, _: StreamId, _: Duration, _: Duration) {}
    async fn select_layer(&self, _: SessionId, _: LayerChoice) -> bool {
        false
    }
    async fn viewer_stats(&self, _: SessionId) -> Option<ViewerStats> {
        None
    }
    async fn stream_stats(&self, _: StreamId) -> Option<StreamStats> {
        None
    }
    async fn restart_ice(
        &self,
        _: SessionId,
        _: IceParameters,
    ) -> Result<IceAnswer, IceRestartError> {
        Err(IceRestartError::NoSuchSession)
    }
}

pub trait FinishSoon {
    fn finish(self);
}
impl FinishSoon for weir_sfu::Ingest {
    fn finish(self) {}
}
