//! Numbers of RFC 8656 and RFC 8489, and ChannelData.

/// What a request asks for: its kind on the wire (RFC 8489 section 5, RFC 8656 section 17).
pub(crate) mod kind {
    pub(crate) const BINDING: u16 = 0x0001;
    pub(crate) const BINDING_INDICATION: u16 = 0x0011;
    pub(crate) const ALLOCATE: u16 = 0x0003;
    pub(crate) const REFRESH: u16 = 0x0004;
    pub(crate) const SEND: u16 = 0x0016;
    pub(crate) const DATA: u16 = 0x0017;
    pub(crate) const CREATE_PERMISSION: u16 = 0x0008;
    pub(crate) const CHANNEL_BIND: u16 = 0x0009;

    /// Bits that make a success response of a request.
    pub(crate) const SUCCESS: u16 = 0x0100;
    /// Bits that make an error response of a request.
    pub(crate) const ERROR: u16 = 0x0110;
    /// The bits of the class.
    pub(crate) const CLASS: u16 = 0x0110;
}

/// Attributes (RFC 8489 section 18.3, RFC 8656 section 18).
pub(crate) mod attribute {
    pub(crate) const USERNAME: u16 = 0x0006;
    pub(crate) const ERROR_CODE: u16 = 0x0009;
    pub(crate) const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
    pub(crate) const CHANNEL_NUMBER: u16 = 0x000c;
    pub(crate) const LIFETIME: u16 = 0x000d;
    pub(crate) const XOR_PEER_ADDRESS: u16 = 0x0012;
    pub(crate) const DATA: u16 = 0x0013;
    pub(crate) const REALM: u16 = 0x0014;
    pub(crate) const NONCE: u16 = 0x0015;
    pub(crate) const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    pub(crate) const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    pub(crate) const EVEN_PORT: u16 = 0x0018;
    pub(crate) const REQUESTED_TRANSPORT: u16 = 0x0019;
    pub(crate) const DONT_FRAGMENT: u16 = 0x001a;
    pub(crate) const PASSWORD_ALGORITHM: u16 = 0x001d;
    pub(crate) const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    pub(crate) const RESERVATION_TOKEN: u16 = 0x0022;
    pub(crate) const ADDITIONAL_ADDRESS_FAMILY: u16 = 0x8000;
    pub(crate) const ADDRESS_ERROR_CODE: u16 = 0x8001;
    pub(crate) const PASSWORD_ALGORITHMS: u16 = 0x8002;

    /// From here on an attribute that is not known may be passed over (RFC 8489 section 14).
    const OPTIONAL: u16 = 0x8000;

    /// Whether a request with this attribute can be understood.
    pub(crate) fn is_understood(kind: u16) -> bool {
        kind >= OPTIONAL
            || matches!(
                kind,
                USERNAME
                    | CHANNEL_NUMBER
                    | LIFETIME
                    | XOR_PEER_ADDRESS
                    | DATA
                    | REALM
                    | NONCE
                    | REQUESTED_ADDRESS_FAMILY
                    | EVEN_PORT
                    | REQUESTED_TRANSPORT
                    | DONT_FRAGMENT
                    | PASSWORD_ALGORITHM
                    | RESERVATION_TOKEN
            )
    }
}

/// Octets before the data of ChannelData (RFC 8656 section 12.4).
pub(crate) const CHANNEL_HEADER: usize = 4;

/// Numbers of channels (RFC 8656 section 12).
pub(crate) const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x4fff;

/// Channel and data of a ChannelData message, which over UDP may have padding behind it.
pub(crate) fn read_channel_data(message: &[u8]) -> Option<(u16, &[u8])> {
    let [c0, c1, l0, l1, rest @ ..] = message else {
        return None;
    };
    let channel = u16::from_be_bytes([*c0, *c1]);
    let data = rest.get(..usize::from(u16::from_be_bytes([*l0, *l1])))?;
    CHANNELS.contains(&channel).then_some((channel, data))
}

/// Appends a ChannelData message, padded where it goes over a stream (RFC 8656 section 12.5). False
/// when the data is too long for one.
pub(crate) fn write_channel_data(
    out: &mut Vec<u8>,
    channel: u16,
    data: &[u8],
    padded: bool,
) -> bool {
    let Ok(len) = u16::try_from(data.len()) else {
        return false;
    };
    out.extend(channel.to_be_bytes());
    out.extend(len.to_be_bytes());
    out.extend_from_slice(data);
    if padded {
        let padding = data.len().next_multiple_of(4) - data.len();
        out.extend_from_slice([0; 3].get(..padding).unwrap_or_default());
    }
    true
}
