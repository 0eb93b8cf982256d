//! What the public may know of a stream, from its row.

use weir_db::Stream;
use weir_protocol::{StreamSummary, ViewerCount};

use crate::people::image_url;

/// Of a stream that is not on the air.
pub(crate) fn offline(stream: &Stream, webrtc: u32) -> StreamSummary {
    let details = &stream.details;
    StreamSummary {
        slug: stream.slug.clone(),
        title: stream.title.clone(),
        live: false,
        protocol: None,
        started_at: None,
        reconnecting_until: None,
        viewers: ViewerCount { webrtc, hls: 0 },
        hls_ready: false,
        dvr_seconds: None,
        description: details.description.clone(),
        owner: stream.owner_names.clone(),
        category: stream.category_names.clone(),
        tags: details.tags.clone(),
        visibility: details.visibility,
        language: details.language.clone(),
        mature: details.mature,
        thumbnail: details.thumbnail.clone(),
        thumbnail_url: details.thumbnail.as_deref().map(image_url),
    }
}
