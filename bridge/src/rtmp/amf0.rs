//! AMF0 ("Action Message Format – AMF 0", Adobe 2007) as far as RTMP commands need it.
//!
//! Our own, because it faces the network: both AMF0 crates at hand recurse without limit, so that
//! half a megabyte of nested arrays ends the process by stack overflow, and one of them allocates
//! whatever an array claims to hold. Here depth is limited and memory follows what was received.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Deepest nesting of objects and arrays that is read. Real clients use two levels.
pub const MAX_DEPTH: usize = 16;

/// One AMF0 value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Marker 0x00.
    Number(f64),
    /// Marker 0x01.
    Boolean(bool),
    /// Markers 0x02 and 0x0c. Bytes that are not UTF-8 are replaced.
    String(String),
    /// Markers 0x03, 0x08 (ECMA array) and 0x10 (typed object, without its class name).
    Object(Vec<(String, Value)>),
    /// Markers 0x05, 0x06 (undefined) and 0x0d (unsupported).
    Null,
    /// Marker 0x0a.
    Array(Vec<Value>),
    /// Marker 0x0b: milliseconds since 1970; the time zone is reserved and ignored.
    Date(f64),
}

/// Why bytes are not AMF0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmfError {
    /// The value goes on past the end of the message.
    #[error("AMF0 value is cut short")]
    Truncated,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("AMF0 value is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// More bytes than a command has.
    #[error("AMF0 of that length has no place in RTMP commands")]
    TooLong,
    /// A marker that has no place in RTMP commands.
    #[error("AMF0 marker {0:#04x} is not supported")]
    Marker(u8),
}

impl Value {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A property of an object.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Object(properties) => properties
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// An object of these properties.
    pub fn object<const N: usize>(properties: [(&str, Value); N]) -> Self {
        Self::Object(
            properties
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

/// Reads values until the end of the message.
pub fn decode_all(mut input: Bytes) -> Result<Vec<Value>, AmfError> {
    let mut values = Vec::new();
    while input.has_remaining() {
        values.push(decode(&mut input, 0)?);
    }
    Ok(values)
}

fn decode(input: &mut Bytes, depth: usize) -> Result<Value, AmfError> {
    if depth > MAX_DEPTH {
        return Err(AmfError::TooDeep);
    }
    let cut = |_| AmfError::Truncated;
    match input.try_get_u8().map_err(cut)? {
        0x00 => Ok(Value::Number(input.try_get_f64().map_err(cut)?)),
        0x01 => Ok(Value::Boolean(input.try_get_u8().map_err(cut)? != 0)),
        0x02 => Ok(Value::String(short_string(input)?)),
        0x03 => properties(input, depth),
        0x05 | 0x06 | 0x0d => Ok(Value::Null),
        0x08 => {
            // The count is a hint that encoders get wrong; the end marker decides.
            input.try_get_u32().map_err(cut)?;
            properties(input, depth)
        }
        0x0a => {
            let count = input.try_get_u32().map_err(cut)?;
            let mut items = Vec::new();
            for _ in 0..count {
                items.push(decode(input, depth + 1)?);
            }
            Ok(Value::Array(items))
        }
        0x0b => {
            let time = input.try_get_f64().map_err(cut)?;
            input.try_get_i16().map_err(cut)?;
            Ok(Value::Date(time))
        }
        0x0c | 0x0f => {
            let length = input.try_get_u32().map_err(cut)? as usize;
            text(input, length).map(Value::String)
        }
        0x10 => {
            short_string(input)?;
            properties(input, depth)
        }
        other => Err(AmfError::Marker(other)),
    }
}

fn properties(input: &mut Bytes, depth: usize) -> Result<Value, AmfError> {
    const OBJECT_END: u8 = 0x09;
    let mut properties = Vec::new();
    loop {
        let name = short_string(input)?;
        if name.is_empty() && input.first() == Some(&OBJECT_END) {
            input.advance(1);
            return Ok(Value::Object(properties));
        }
        properties.push((name, decode(input, depth + 1)?));
    }
}

fn short_string(input: &mut Bytes) -> Result<String, AmfError> {
    let length = input.try_get_u16().map_err(|_| AmfError::Truncated)?.into();
    text(input, length)
}

fn text(input: &mut Bytes, length: usize) -> Result<String, AmfError> {
    if length > input.len() {
        return Err(AmfError::Truncated);
    }
    Ok(String::from_utf8_lossy(&input.split_to(length)).into_owned())
}

/// Writes values one after the other.
pub fn encode_all(values: &[Value]) -> Bytes {
    let mut output = BytesMut::new();
    for value in values {
        encode(value, &mut output);
    }
    output.freeze()
}

fn encode(value: &Value, output: &mut BytesMut) {
    match value {
        Value::Number(number) => {
            output.put_u8(0x00);
            output.put_f64(*number);
        }
        Value::Boolean(boolean) => {
            output.put_u8(0x01);
            output.put_u8(u8::from(*boolean));
        }
        Value::String(text) => match u16::try_from(text.len()) {
            Ok(length) => {
                output.put_u8(0x02);
                output.put_u16(length);
                output.put_slice(text.as_bytes());
            }
            Err(_) => {
                output.put_u8(0x0c);
                output.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
                output.put_slice(text.as_bytes());
            }
        },
        Value::Object(properties) => {
            output.put_u8(0x03);
            for (name, value) in properties {
                let name = &name.as_bytes()[..name.len().min(usize::from(u16::MAX))];
                output.put_u16(u16::try_from(name.len()).unwrap_or(u16::MAX));
                output.put_slice(name);
                encode(value, output);
            }
            output.put_slice(&[0, 0, 0x09]);
        }
        Value::Null => output.put_u8(0x05),
        Value::Array(items) => {
            output.put_u8(0x0a);
            output.put_u32(u32::try_from(items.len()).unwrap_or(u32::MAX));
            for item in items {
                encode(item, output);
            }
        }
        Value::Date(time) => {
            output.put_u8(0x0b);
            output.put_f64(*time);
            output.put_i16(0);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_a_round_trip() {
        let values = vec![
            Value::from("connect"),
            Value::from(1.0),
            Value::object([
                ("app", Value::from("live")),
                ("flag", Value::Boolean(true)),
                ("list", Value::Array(vec![Value::from("av01"), Value::Null])),
                ("when", Value::Date(5.0)),
            ]),
            Value::String("x".repeat(70_000)),
        ];
        assert_eq!(decode_all(encode_all(&values)).unwrap(), values);
    }

    #[test]
    fn an_ecma_array_ends_at_its_end_marker_whatever_it_counts() {
        let mut bytes = vec![0x08, 0xff, 0xff, 0xff, 0xff, 0, 1, b'a', 0x01, 1, 0, 0, 9];
        bytes.push(0x05);
        let values = decode_all(Bytes::from(bytes)).unwrap();
        assert_eq!(
            values,
            [Value::object([("a", Value::Boolean(true))]), Value::Null]
        );
    }

    #[test]
    fn half_a_megabyte_of_nested_arrays_is_an_error_and_not_a_stack_overflow() {
        let bytes: Vec<u8> = [0x0a, 0, 0, 0, 1].repeat(100_000);
        assert_eq!(decode_all(Bytes::from(bytes)), Err(AmfError::TooDeep));
        let bytes: Vec<u8> = [0x03, 0, 1, b'a'].repeat(125_000);
        assert_eq!(decode_all(Bytes::from(bytes)), Err(AmfError::TooDeep));
    }

    #[test]
    fn claimed_lengths_do_not_allocate() {
        assert_eq!(
            decode_all(Bytes::from_static(&[0x0a, 0xff, 0xff, 0xff, 0xff])),
            Err(AmfError::Truncated)
        );
        assert_eq!(
            decode_all(Bytes::from_static(&[0x0c, 0xff, 0xff, 0xff, 0xff, 1])),
            Err(AmfError::Truncated)
        );
        assert_eq!(
            decode_all(Bytes::from_static(&[0x42])),
            Err(AmfError::Marker(0x42))
        );
    }
}
