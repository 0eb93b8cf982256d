//! The room protocol as a JSON Schema, for those who write clients.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{PartialSchema, ToSchema};
use weir_protocol::room::{ClientFrame, ROOM_CHANNEL, ROOM_PROTOCOL, ServerMessage};

use crate::{Refusals, api::Json};

/// The room protocol.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomProtocol {
    /// Its version.
    version: u32,
    /// Address of the WebSocket.
    websocket: &'static str,
    /// Label of the data channel of a WHEP session.
    data_channel: &'static str,
    /// What clients send: a JSON Schema (2020-12).
    #[schema(value_type = Object)]
    client: Value,
    /// What the server sends: a JSON Schema (2020-12).
    #[schema(value_type = Object)]
    server: Value,
}

/// The protocol of rooms
///
/// Chat, presence and what happens to the stream go as JSON messages over a WebSocket or a data channel.
/// These are their schemas; `docs/ROOMS.md` tells how they play together.
#[utoipa::path(
    get, path = "/api/v1/rooms/protocol", tag = "rooms", security(()),
    responses((status = OK, body = RoomProtocol), Refusals),
)]
pub(crate) async fn protocol() -> Json<RoomProtocol> {
    Json(RoomProtocol {
        version: ROOM_PROTOCOL,
        websocket: "/ws",
        data_channel: ROOM_CHANNEL,
        client: schema::<ClientFrame>(),
        server: schema::<ServerMessage>(),
    })
}

/// The schema of a type with all that it refers to inside.
fn schema<T: ToSchema + PartialSchema>() -> Value {
    let mut others = Vec::new();
    T::schemas(&mut others);
    let definitions: serde_json::Map<String, Value> = others
        .into_iter()
        .map(|(name, schema)| (name, json!(schema)))
        .collect();
    let mut document = json!(T::schema());
    if let Some(document) = document.as_object_mut() {
        let dialect = "https://json-schema.org/draft/2020-12/schema";
        document.insert("$schema".to_owned(), dialect.into());
        document.insert("$defs".to_owned(), definitions.into());
    }
    inward(&mut document);
    document
}

/// References of an OpenAPI document as those of a schema by itself.
fn inward(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref") {
                *reference = reference.replace("#/components/schemas/", "#/$defs/");
            }
            members.values_mut().for_each(inward);
        }
        Value::Array(items) => items.iter_mut().for_each(inward),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(reference)) = members.get("$ref") {
                        found.push(reference.clone());
                    }
                    members.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|item| references(item, found)),
                _ => {}
            }
        }
        for document in [schema::<ClientFrame>(), schema::<ServerMessage>()] {
            let mut found = Vec::new();
            references(&document, &mut found);
            assert!(found.len() > 5);
            for reference in found {
                let name = reference.strip_prefix("#/$defs/").expect("inward");
                assert!(document["$defs"].get(name).is_some(), "{reference}");
            }
        }
    }
}
