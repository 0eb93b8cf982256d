//! RTMP commands (RTMP 1.0, section 7.2): what clients ask, and the replies of a server.

use std::collections::BTreeSet;

use bytes::{Buf, Bytes};

use super::amf0::{self, AmfError, Value};
use super::reader::{Message, MessageKind};

/// Longest command that is read: larger ones have no place in RTMP, and AMF0 grows when it is decoded.
pub const LONGEST: usize = 64 * 1024;
/// Most codecs of a client that are looked at.
const MOST_CODECS: usize = 32;

/// What a client of Enhanced RTMP can do, as it says in `connect` ("Enhancing NetConnection connect
/// Command").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Where it connected to, `rtmp://host/live`. May hold a stream key: never logged.
    pub url: Option<String>,
    /// The codecs of `fourCcList` and of both info maps; `*` for any.
    pub four_ccs: BTreeSet<String>,
    /// `capsEx`.
    flags: u32,
}

impl Capabilities {
    fn read(object: &Value) -> Self {
        let list = match object.get("fourCcList") {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let maps = ["videoFourCcInfoMap", "audioFourCcInfoMap"]
            .into_iter()
            .filter_map(|name| match object.get(name) {
                Some(Value::Object(properties)) => Some(properties),
                _ => None,
            })
            .flatten()
            .map(|(name, _)| name.as_str());
        Self {
            url: object
                .get("tcUrl")
                .and_then(|url| Some(url.as_str()?.to_owned())),
            four_ccs: list
                .into_iter()
                .chain(maps)
                .filter(|name| name.len() <= 4)
                .take(MOST_CODECS)
                .map(str::to_owned)
                .collect(),
            // Casts of floats saturate.
            flags: object
                .get("capsEx")
                .and_then(Value::as_f64)
                .map_or(0, |flags| flags as u32),
        }
    }

    /// Whether it goes elsewhere when it is asked to.
    pub fn reconnects(&self) -> bool {
        self.flags & RECONNECT != 0
    }
}

/// What a publishing client may ask.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Begins the session.
    Connect {
        /// To be repeated in the reply.
        transaction: f64,
        /// Application, `live` in `rtmp://host/live`.
        app: String,
        /// 0 for AMF0, 3 for AMF3; repeated in the reply.
        object_encoding: f64,
        /// What the client says of itself.
        client: Capabilities,
    },
    /// Wants a message stream.
    CreateStream {
        /// To be repeated in the reply.
        transaction: f64,
    },
    /// Announces the stream's name before `publish`; Flash-age servers wanted it.
    FcPublish {
        /// The name: a stream key.
        name: String,
    },
    /// Wants to send media.
    Publish {
        /// The name: a stream key. A secret.
        name: String,
    },
    /// Ends the stream: `FCUnpublish`, `closeStream` or `deleteStream`.
    Close,
    /// Wants to watch, which RTMP clients cannot do here.
    Play,
    /// Anything else that waits for a reply.
    Other {
        /// To be repeated in the reply; 0 when none is awaited.
        transaction: f64,
        /// Its name.
        name: String,
    },
}

impl Command {
    /// Reads the body of a command message, AMF0 or AMF3 (which wraps AMF0 in RTMP).
    pub fn read(kind: MessageKind, mut payload: Bytes) -> Result<Self, AmfError> {
        if payload.len() > LONGEST {
            return Err(AmfError::TooLong);
        }
        if kind == MessageKind::CommandAmf3 {
            payload.try_get_u8().map_err(|_| AmfError::Truncated)?;
        }
        let values = amf0::decode_all(payload)?;
        let name = values
            .first()
            .and_then(Value::as_str)
            .ok_or(AmfError::Truncated)?;
        let transaction = values.get(1).and_then(Value::as_f64).unwrap_or_default();
        let object = values.get(2);
        let argument = || {
            values
                .get(3)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        Ok(match name {
            "connect" => Self::Connect {
                transaction,
                app: object
                    .and_then(|object| object.get("app")?.as_str())
                    .unwrap_or_default()
                    .to_owned(),
                object_encoding: object
                    .and_then(|object| object.get("objectEncoding")?.as_f64())
                    .unwrap_or_default(),
                client: object.map(Capabilities::read).unwrap_or_default(),
            },
            "createStream" => Self::CreateStream { transaction },
            "FCPublish" => Self::FcPublish { name: argument() },
            "publish" => Self::Publish { name: argument() },
            "FCUnpublish" | "closeStream" | "deleteStream" => Self::Close,
            "play" | "play2" => Self::Play,
            other => Self::Other {
                transaction,
                name: other.to_owned(),
            },
        })
    }
}

/// Splits what the client gave as application and stream name into application and key.
///
/// Query strings are cut off. A client that got the key as part of the server's address and no
/// stream name has both in the application.
pub fn app_and_key(app: &str, name: &str) -> (String, String) {
    let without_query = |text: &str| {
        text.split('?')
            .next()
            .unwrap_or_default()
            .trim_matches('/')
            .to_owned()
    };
    let (app, name) = (without_query(app), without_query(name));
    match app.split_once('/') {
        Some((first, rest)) if name.is_empty() => (first.to_owned(), rest.to_owned()),
        _ => (app, name),
    }
}

/// FourCCs of Enhanced RTMP that are taken.
const VIDEO_FOUR_CCS: [&str; 5] = ["avc1", "hvc1", "vp08", "vp09", "av01"];
const AUDIO_FOUR_CCS: [&str; 2] = ["mp4a", "Opus"];
/// `FourCcInfoMask`: can decode, can forward.
const CAN_DECODE_AND_FORWARD: f64 = (0x01 | 0x04) as f64;
/// `CapsExMask`: asks to reconnect (and does so when asked), multitrack, ModEx, its nanosecond offset.
const RECONNECT: u32 = 0x01;
const CAPS_EX: f64 = (RECONNECT | 0x02 | 0x04 | 0x08) as f64;

/// `_result` of `connect`, with the capabilities of Enhanced RTMP ("Enhancing NetConnection
/// connect Command"). They stand in both objects, since servers differ and clients look at either.
pub fn connect_result(transaction: f64, object_encoding: f64) -> Message {
    let map = |four_ccs: &[&str]| {
        Value::Object(
            four_ccs
                .iter()
                .map(|name| ((*name).to_owned(), CAN_DECODE_AND_FORWARD.into()))
                .collect(),
        )
    };
    let capabilities = [
        (
            "fourCcList",
            Value::Array(
                VIDEO_FOUR_CCS
                    .iter()
                    .chain(&AUDIO_FOUR_CCS)
                    .map(|name| Value::from(*name))
                    .collect(),
            ),
        ),
        ("videoFourCcInfoMap", map(&VIDEO_FOUR_CCS)),
        ("audioFourCcInfoMap", map(&AUDIO_FOUR_CCS)),
        ("capsEx", CAPS_EX.into()),
    ];
    let with_capabilities = |own: Vec<(&str, Value)>| {
        let all = own.into_iter().chain(capabilities.clone());
        Value::Object(all.map(|(name, value)| (name.to_owned(), value)).collect())
    };
    command(
        0,
        &[
            "_result".into(),
            transaction.into(),
            // What Flash-age clients expect to see.
            with_capabilities(vec![
                ("fmsVer", "FMS/3,0,1,123".into()),
                ("capabilities", 31.0.into()),
            ]),
            with_capabilities(vec![
                ("level", "status".into()),
                ("code", "NetConnection.Connect.Success".into()),
                ("description", "Connection succeeded.".into()),
                ("objectEncoding", object_encoding.into()),
            ]),
        ],
    )
}

/// `_result` of `createStream`.
pub fn create_stream_result(transaction: f64, stream: u32) -> Message {
    command(
        0,
        &[
            "_result".into(),
            transaction.into(),
            Value::Null,
            f64::from(stream).into(),
        ],
    )
}

/// `_result` without content, for the calls that some clients wait on.
pub fn empty_result(transaction: f64) -> Message {
    command(
        0,
        &[
            "_result".into(),
            transaction.into(),
            Value::Null,
            Value::Null,
        ],
    )
}

/// `onFCPublish`, the reply to `FCPublish`.
pub fn on_fc_publish(name: &str) -> Message {
    command(
        0,
        &[
            "onFCPublish".into(),
            0.0.into(),
            Value::Null,
            Value::object([
                ("code", "NetStream.Publish.Start".into()),
                ("description", name.into()),
            ]),
        ],
    )
}

/// `onStatus` (section 7.2.2), level `status` or `error`.
pub fn on_status(stream: u32, level: &str, code: &str, description: &str) -> Message {
    command(
        stream,
        &[
            "onStatus".into(),
            0.0.into(),
            Value::Null,
            Value::object([
                ("level", level.into()),
                ("code", code.into()),
                ("description", description.into()),
            ]),
        ],
    )
}

/// Asks a client to come back ("Reconnect Request"): to `url`, or to where it came from.
pub fn reconnect_request(url: Option<&str>) -> Message {
    let mut information = vec![
        ("level".to_owned(), "status".into()),
        (
            "code".to_owned(),
            "NetConnection.Connect.ReconnectRequest".into(),
        ),
        (
            "description".to_owned(),
            "The server is stopping; connect again.".into(),
        ),
    ];
    if let Some(url) = url {
        information.push(("tcUrl".to_owned(), url.into()));
    }
    command(
        0,
        &[
            "onStatus".into(),
            0.0.into(),
            Value::Null,
            Value::Object(information),
        ],
    )
}

/// Any command of these values.
pub fn command(stream: u32, values: &[Value]) -> Message {
    Message {
        kind: MessageKind::CommandAmf0,
        timestamp: 0,
        stream,
        payload: amf0::encode_all(values),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn applications_and_keys_are_found_wherever_clients_put_them() {
        let pair = |app: &str, key: &str| (app.to_owned(), key.to_owned());
        assert_eq!(app_and_key("live", "key"), pair("live", "key"));
        assert_eq!(app_and_key("live/", "key?bandwidth=1"), pair("live", "key"));
        assert_eq!(app_and_key("live/key", ""), pair("live", "key"));
        assert_eq!(app_and_key("live?x=y", "key"), pair("live", "key"));
        assert_eq!(app_and_key("", ""), pair("", ""));
    }

    #[test]
    fn commands_are_read_from_amf0_and_amf3_messages() {
        let message = command(
            1,
            &[
                "publish".into(),
                5.0.into(),
                Value::Null,
                "key".into(),
                "live".into(),
            ],
        );
        let publish = Command::Publish { name: "key".into() };
        assert_eq!(
            Command::read(MessageKind::CommandAmf0, message.payload.clone()).unwrap(),
            publish
        );
        let wrapped = Bytes::from([&[0], &message.payload[..]].concat());
        assert_eq!(
            Command::read(MessageKind::CommandAmf3, wrapped).unwrap(),
            publish
        );
        assert!(Command::read(MessageKind::CommandAmf0, Bytes::new()).is_err());
    }

    #[test]
    fn what_clients_of_enhanced_rtmp_can_do_is_read() {
        let read = |object: Value| {
            let message = command(0, &["connect".into(), 1.0.into(), object]);
            match Command::read(MessageKind::CommandAmf0, message.payload).unwrap() {
                Command::Connect { client, .. } => client,
                other => panic!("{other:?}"),
            }
        };
        let client = read(Value::object([
            ("app", "live".into()),
            ("tcUrl", "rtmp://localhost/live".into()),
            (
                "fourCcList",
                Value::Array(vec!["hvc1".into(), "av01".into(), Value::Null]),
            ),
            (
                "videoFourCcInfoMap",
                Value::object([("vp09", 2.0.into()), ("much too long", 2.0.into())]),
            ),
            ("audioFourCcInfoMap", Value::object([("*", 4.0.into())])),
            ("capsEx", 3.0.into()),
        ]));
        assert_eq!(client.url.as_deref(), Some("rtmp://localhost/live"));
        let codecs: Vec<_> = client.four_ccs.iter().map(String::as_str).collect();
        assert_eq!(codecs, ["*", "av01", "hvc1", "vp09"]);
        assert!(client.reconnects());
        // OBS and FFmpeg of old say nothing, and what is not of the right kind is nothing.
        for nothing in [
            Value::Null,
            Value::object([("fourCcList", 7.0.into()), ("capsEx", "1".into())]),
            Value::object([("capsEx", f64::NAN.into())]),
        ] {
            let client = read(nothing);
            assert!(client.four_ccs.is_empty() && !client.reconnects());
        }
    }

    #[test]
    fn the_answer_to_connect_says_what_is_taken() {
        let values = amf0::decode_all(connect_result(1.0, 0.0).payload).unwrap();
        for object in &values[2..] {
            let maps = ["videoFourCcInfoMap", "audioFourCcInfoMap"];
            let [video, audio] = maps.map(|name| object.get(name).unwrap());
            for codec in ["avc1", "hvc1", "av01", "vp09", "vp08"] {
                assert_eq!(video.get(codec).unwrap().as_f64(), Some(5.0));
            }
            assert!(audio.get("Opus").is_some() && audio.get("mp4a").is_some());
            assert!(audio.get("ac-3").is_none());
            assert_eq!(object.get("capsEx").unwrap().as_f64(), Some(15.0));
            assert!(
                matches!(object.get("fourCcList"), Some(Value::Array(list)) if list.len() == 7)
            );
        }
    }

    #[test]
    fn long_commands_are_refused() {
        let long = Bytes::from(vec![5; LONGEST + 1]);
        assert_eq!(
            Command::read(MessageKind::CommandAmf0, long),
            Err(AmfError::TooLong)
        );
    }
}
