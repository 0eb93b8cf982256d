//! What stands behind the question mark of an event's address: the token of an invitation, or a guest's ticket.

use std::fmt;

/// The query, as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventQuery(String);

impl From<&str> for EventQuery {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for EventQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl EventQuery {
    /// Lets its bearer see a private event, and register.
    pub fn invitation(&self) -> Option<String> {
        self.find("invitation")
    }

    /// A guest's proof of a registration.
    pub fn ticket(&self) -> Option<String> {
        self.find("ticket")
    }

    /// With the invitation alone: a ticket is kept by the browser, and is no part of addresses that are passed on.
    pub fn without_ticket(&self) -> Self {
        Self(
            self.invitation()
                .map_or_else(String::new, |token| format!("invitation={token}")),
        )
    }

    /// Tokens have letters, digits, `-` and `_`; what has others is none.
    fn find(&self, name: &str) -> Option<String> {
        let pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        let value = pairs
            .filter(|(key, _)| *key == name)
            .map(|(_, it)| it)
            .next()?;
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
        (!value.is_empty() && value.bytes().all(plain)).then(|| value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_and_tickets_do_not_stay() {
        let query = EventQuery::from("ticket=a-b_c&invitation=X1");
        assert_eq!(query.ticket().as_deref(), Some("a-b_c"));
        assert_eq!(query.invitation().as_deref(), Some("X1"));
        assert_eq!(query.without_ticket().to_string(), "invitation=X1");
        assert_eq!(EventQuery::default().without_ticket().to_string(), "");
        for bad in ["ticket=", "ticket=a%20b", "ticket=a/../b", "tickets=a"] {
            assert_eq!(EventQuery::from(bad).ticket(), None, "{bad}");
        }
    }
}
