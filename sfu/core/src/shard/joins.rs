//! Layers that the bridge adds to those of a WebRTC publisher: the publisher sends one, the bridge makes
//! smaller ones of it, and viewers see a simulcast.

use std::time::Instant;

use weir_media::RtpLayer;

use super::{IngestId, Output, Shard};
use crate::{
    StreamId,
    bridge_ingest::BridgeIngest,
    packet::{SourceInfo, single_layer},
    route::{Joined, Source},
    session::Session,
};

impl Shard {
    /// The bridge is about to make layers of what the stream's WebRTC publisher sends. It is told that
    /// it is replaced ([`Output::BridgeReplaced`]) when another does, when the publisher is gone, and
    /// now if there is none or it sends several layers itself. Its layers and packets come as those of
    /// a source of its own do; the first layer stands for the publisher's and gives it a name.
    pub fn handle_join_begin(&mut self, stream: StreamId, id: IngestId) {
        let publisher = self.sole_layer_of_publisher(stream).is_some();
        let before = match self.routes.get_mut(&stream) {
            Some(route) if publisher => {
                let joined = Joined { id, ingest: None };
                route.joined.replace(joined).map(|before| before.id)
            }
            Some(_) | None => Some(id),
        };
        if let Some(ingest) = before {
            self.outputs.push_back(Output::BridgeReplaced { ingest });
        }
    }

    /// Layers that join start (again). False when this is not what joins.
    pub(super) fn start_joined(
        &mut self,
        now: Instant,
        stream: StreamId,
        id: IngestId,
        layers: &[RtpLayer],
    ) -> bool {
        if !self.joins(stream, id) {
            return false;
        }
        let Some((info, origin)) = self.sole_layer_of_publisher(stream) else {
            return true;
        };
        let ingest = BridgeIngest::joined(&info, origin, layers, &mut self.epochs);
        let info = ingest.info();
        tracing::info!(%stream, layers = ?info.layers, "layers join the publisher's own");
        if let Some(joined) = self.routes.get_mut(&stream).and_then(|r| r.joined.as_mut()) {
            joined.ingest = Some(ingest);
        }
        self.set_live(now, stream, Some(info));
        true
    }

    /// What joined is over: viewers go back to the publisher's own layer.
    pub(super) fn end_joined(&mut self, now: Instant, stream: StreamId, id: IngestId) {
        if !self.joins(stream, id) {
            return;
        }
        let Some(route) = self.routes.get_mut(&stream) else {
            return;
        };
        route.joined = None;
        let Some(info) = &route.info else { return };
        let info = SourceInfo {
            layers: single_layer(),
            announced: Vec::new().into(),
            ..info.clone()
        };
        tracing::info!(%stream, "the publisher's own layer is alone again");
        self.set_live(now, stream, Some(info));
    }

    /// The publisher that it was made of is gone.
    pub(super) fn give_up_joined(&mut self, stream: StreamId) {
        let route = self.routes.get_mut(&stream);
        if let Some(joined) = route.and_then(|route| route.joined.take()) {
            let ingest = joined.id;
            self.outputs.push_back(Output::BridgeReplaced { ingest });
        }
    }

    fn joins(&self, stream: StreamId, id: IngestId) -> bool {
        let joined = self.routes.get(&stream).and_then(|r| r.joined.as_ref());
        joined.is_some_and(|joined| joined.id == id)
    }

    /// What is known of the WebRTC publisher that is live with a single layer, and when its timeline
    /// began.
    fn sole_layer_of_publisher(&self, stream: StreamId) -> Option<(SourceInfo, Instant)> {
        let route = self.routes.get(&stream)?;
        let Some(Source::Publisher(key)) = &route.source else {
            return None;
        };
        let Some(Session::Publisher(publisher)) = self.sessions.get(key) else {
            return None;
        };
        if publisher.ingest.layers().len() != 1 {
            return None;
        }
        Some((route.info.clone()?, publisher.ingest.origin()?))
    }
}
