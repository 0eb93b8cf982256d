//! RTP header extensions that are negotiated, under the ids of the offer.

use str0m::rtp::{Extension, ExtensionMap, ExtensionSerializer, ExtensionValues};
use weir_rtp::dependency_descriptor;

use crate::sdp::Role;

/// Greatest id of the one-byte form (RFC 8285 section 4.2), which is what goes to viewers.
const MAX_ID_ONE_BYTE: u8 = 14;

/// Greatest id that str0m keeps.
const MAX_ID: u8 = 16;

/// Longest dependency descriptor that is kept, in bytes. With 255 templates' worth of bits one could
/// be longer; encoders' structures of 3 × 3 layers have about 100. A longer one is left out.
const MAX_DESCRIPTOR: usize = 255;

/// The dependency descriptor of a packet as it came.
#[derive(Debug, Clone)]
pub(crate) struct DependencyDescriptor(Box<[u8]>);

impl DependencyDescriptor {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Takes the descriptor out of a packet; never writes one, since egress writes its own.
#[derive(Debug)]
struct DescriptorSerializer;

impl ExtensionSerializer for DescriptorSerializer {
    fn write_to(&self, buf: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(descriptor) = values.user_values.get::<DependencyDescriptor>() else {
            return 0;
        };
        let bytes = descriptor.as_bytes();
        match buf.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                bytes.len()
            }
            None => 0,
        }
    }

    fn parse_value(&self, buf: &[u8], values: &mut ExtensionValues) -> bool {
        if buf.len() > MAX_DESCRIPTOR {
            return false;
        }
        values.user_values.set(DependencyDescriptor(buf.into()));
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }

    fn requires_two_byte_form(&self, values: &ExtensionValues) -> bool {
        let descriptor = values.user_values.get::<DependencyDescriptor>();
        descriptor.is_some_and(|d| d.as_bytes().is_empty() || d.as_bytes().len() > 16)
    }
}

/// The extension for str0m.
pub(crate) fn dependency_descriptor() -> Extension {
    Extension::with_serializer(dependency_descriptor::URI, DescriptorSerializer)
}

/// What viewers are offered, under ids of ours.
pub(crate) fn own() -> ExtensionMap {
    let mut map = ExtensionMap::empty();
    for (id, extension) in (1..).zip(for_viewers()) {
        map.set(id, extension);
    }
    map
}

fn for_viewers() -> Vec<Extension> {
    vec![
        Extension::RtpMid,
        Extension::TransportSequenceNumber,
        Extension::AbsoluteSendTime,
        Extension::PlayoutDelay,
    ]
}

/// Those of the offered that the role uses. An id that stands for something else on another m-line
/// is left out: packets are parsed by one map.
pub(crate) fn negotiate(role: Role, offered: &[(u8, &str)]) -> ExtensionMap {
    let wanted = match role {
        Role::Publisher => vec![
            Extension::RtpMid,
            Extension::RtpStreamId,
            Extension::RepairedRtpStreamId,
            // The publisher's own bandwidth estimation lives on our transport-wide feedback.
            Extension::TransportSequenceNumber,
            dependency_descriptor(),
        ],
        Role::Viewer => for_viewers(),
    };
    let greatest = match role {
        Role::Publisher => MAX_ID,
        Role::Viewer => MAX_ID_ONE_BYTE,
    };
    let mut map = ExtensionMap::empty();
    for extension in wanted {
        let uri = extension.as_uri();
        let Some((id, _)) = offered.iter().find(|(_, offered)| *offered == uri) else {
            continue;
        };
        let ambiguous = offered
            .iter()
            .any(|(other, meaning)| other == id && *meaning != uri);
        if (1..=greatest).contains(id) && !ambiguous {
            map.set(*id, extension);
        }
    }
    map
}
