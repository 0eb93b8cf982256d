//! Names that are the same in every language.

use weir_protocol::IngestProtocol;

/// How the publisher reaches the server.
pub fn protocol(protocol: IngestProtocol) -> &'static str {
    match protocol {
        IngestProtocol::Rtmp => "RTMP",
        IngestProtocol::Whip => "WHIP",
    }
}
