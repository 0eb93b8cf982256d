//! A broadcast's media to the disk.

use weir_archive::Sink;
use weir_bridge::output::StreamSink;
use weir_db::Stream;
use weir_media::{HlsOutput, Thumbnail};
use weir_signaling::Services;

/// Hands a worker's output to the archive.
pub struct ToArchive(Sink);

impl ToArchive {
    /// For the broadcast of this stream that is on the air, until it is over. `None` when the disk cannot be
    /// used: the stream is live without.
    pub fn open(services: &Services, stream: &Stream) -> Option<Self> {
        let (broadcast, over) = services.live.on_air_as(stream)?;
        let root = services.archive.root.clone();
        let id = broadcast.get();
        match root.sink(id, stream.id.get()) {
            Ok(sink) => {
                services.live.keeps(stream, root.settings().window);
                tokio::spawn(async move {
                    over.cancelled().await;
                    // It may wait for its place in the queue.
                    tokio::task::spawn_blocking(move || root.end(id));
                });
                Some(Self(sink))
            }
            Err(error) => {
                tracing::error!(slug = %stream.slug, %error, "the archive cannot be written to");
                None
            }
        }
    }
}

impl StreamSink for ToArchive {
    fn hls(&mut self, output: &HlsOutput) {
        self.0.hls(output);
    }

    fn thumbnail(&mut self, thumbnail: &Thumbnail) {
        self.0.picture(thumbnail.jpeg.clone());
    }
}
