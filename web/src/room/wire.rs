//! Reading what the server says. A newer server may say what this client does not know: that is skipped, and the rest
//! of the same message counts.

use serde_json::Value;
use weir_protocol::room::{Events, RoomEvent, ServerMessage};

/// What this client understands of a message; `None` where that is nothing.
pub fn read(text: &str) -> Option<ServerMessage> {
    if let Ok(message) = serde_json::from_str(text) {
        return Some(message);
    }
    let value: Value = serde_json::from_str(text).ok()?;
    if value.get("type")? != "events" {
        return None;
    }
    let events: Vec<RoomEvent> = value
        .get("events")?
        .as_array()?
        .iter()
        .filter_map(|event| serde_json::from_value(event.clone()).ok())
        .collect();
    (!events.is_empty()).then_some(ServerMessage::Events(Events { events }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_of_unknown_types_are_skipped() {
        let text = r#"{"type":"events","events":[
            {"at":1,"type":"fireworks","colour":"red"},
            {"seq":4,"at":1,"type":"purged","author":"user:ann"}]}"#;
        let Some(ServerMessage::Events(events)) = read(text) else {
            panic!("the known event counts");
        };
        assert_eq!(events.events.len(), 1);
        assert_eq!(events.events[0].seq, Some(4));
        assert_eq!(read(r#"{"type":"fireworks"}"#), None);
        assert_eq!(
            read(r#"{"type":"events","events":[{"at":1,"type":"x"}]}"#),
            None
        );
        assert_eq!(read("{"), None);
    }
}
