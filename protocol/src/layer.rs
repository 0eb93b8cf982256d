//! Choosing a quality: the WHEP extension for layers, with what the player's menu needs beside.
//!
//! The `201` of a WHEP session names the resource in a `Link` with the relation [`LAYER_RELATION`].
//! `POST` of a [`SelectLayer`] chooses, `GET` gives a [`SessionLayers`]. A selection stands until the
//! next one and takes the place of the one before in all its members.

use serde::{Deserialize, Serialize};

/// The extension's name, the relation of its `Link` (draft-ietf-wish-whep-extensions, layer
/// selection).
pub const LAYER_RELATION: &str = "urn:ietf:params:whep:ext:core:layer";

/// What a viewer wants to receive. An empty object is automatic: the best layer that the viewer's
/// connection carries. At most one of `encodingId` (or `rid`), `maxWidth` with `maxHeight`,
/// `audioOnly` and `paused` may be said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SelectLayer {
    /// Which media section of the answer, by its place from 0 or by its `mid`: the one of video, which
    /// need not be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_id: Option<String>,
    /// Exactly this layer, as [`Layer::encoding_id`] names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding_id: Option<String>,
    /// The same by the publisher's name for it (RFC 8851).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rid: Option<String>,
    /// Automatic among layers that are not wider than so many pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_width: Option<u32>,
    /// Automatic among layers that are not higher than so many pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_height: Option<u32>,
    /// Of the draft; layers are chosen as a whole here, so it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spatial_layer_id: Option<u32>,
    /// As `spatialLayerId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporal_layer_id: Option<u32>,
    /// As `spatialLayerId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_spatial_layer_id: Option<u32>,
    /// As `spatialLayerId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_temporal_layer_id: Option<u32>,
    /// No video, because the viewer wants sound alone. Beyond the draft.
    #[serde(default, skip_serializing_if = "is_false")]
    pub audio_only: bool,
    /// No video for the time being, because nobody looks at it: the page is hidden. Beyond the draft.
    #[serde(default, skip_serializing_if = "is_false")]
    pub paused: bool,
}

/// What there is to choose from, and what plays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionLayers {
    /// The stream's video layers, largest first; one where the publisher sends one.
    pub layers: Vec<Layer>,
    /// Whether the server chooses, within the limits that the viewer has set.
    pub automatic: bool,
    /// The layer that is sent to this viewer now; absent before the first, and without video.
    pub playing: Option<String>,
}

/// One of the encodings of a stream's video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Layer {
    /// Its name in [`SelectLayer::encoding_id`].
    pub encoding_id: String,
    /// Pixels; absent until the first keyframe says.
    pub width: Option<u32>,
    /// Pixels.
    pub height: Option<u32>,
    /// Measured bits per second; of one that is not sent now, what it is meant to have.
    pub bitrate: u64,
    /// Whether it is sent now.
    pub active: bool,
    /// Whether the server makes it as soon as a viewer chooses or needs it. It can be chosen, then,
    /// also while it is not sent.
    #[serde(default)]
    pub on_demand: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automatic_is_an_empty_object_and_names_are_the_drafts() {
        let text = serde_json::to_string(&SelectLayer::default()).expect("json");
        assert_eq!(text, "{}");
        let read: SelectLayer =
            serde_json::from_str(r#"{"mediaId":"0","encodingId":"h","maxWidth":1280}"#)
                .expect("json");
        assert_eq!(read.encoding_id.as_deref(), Some("h"));
        assert_eq!(read.max_width, Some(1280));
        assert!(serde_json::from_str::<SelectLayer>(r#"{"encodingID":"h"}"#).is_err());
    }
}
