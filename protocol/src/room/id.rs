//! Ids of rows as text, since JavaScript's numbers lose their last bits.

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(i64);

        impl $name {
            /// Of a number from the database.
            pub fn new(id: i64) -> Self {
                Self(id)
            }

            /// As a number.
            pub fn get(self) -> i64 {
                self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                let id = digits.then(|| text.parse().ok()).flatten();
                id.map(Self)
                    .ok_or(concat!("the id of a ", $what, " is a decimal number as text"))
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.to_string()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .description(Some(concat!("The id of a ", $what, ": a decimal number as text.")))
                    .pattern(Some("^[0-8]?[0-9]{1,18}$"))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    };
}

text_id! {
    /// A poll.
    PollId, "poll"
}
text_id! {
    /// A question of an audience.
    QuestionId, "question"
}
text_id! {
    /// A ban, shadow ban or timeout.
    BanId, "ban"
}
text_id! {
    /// A line of the audit log.
    AuditId, "line of the audit log"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_text() {
        let id: PollId = serde_json::from_str("\"9007199254740993\"").expect("an id");
        assert_eq!(
            serde_json::to_string(&id).expect("json"),
            "\"9007199254740993\""
        );
        for bad in ["\"\"", "\"-1\"", "\"99999999999999999999\"", "1"] {
            assert!(serde_json::from_str::<PollId>(bad).is_err(), "{bad}");
        }
    }
}
