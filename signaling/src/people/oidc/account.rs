//! Which account somebody logs in to who comes from a provider.

use weir_db::{DbError, NewIdentity, User};

use super::{provider::OidcConfig, provider::Person};
use crate::{
    ApiError, App,
    happenings::Happening,
    people::{check, profile::DISPLAY_NAME_MAX},
};

/// Longest name that is made of what a provider says; numbers may follow.
const NAME_MAX: usize = 24;

/// Names tried: the wanted one, then with random digits.
const ATTEMPTS: u32 = 5;

/// The account of somebody: the one that the identity belongs to; or, where the operator allows it, the one
/// that has shown to have the same address; or a new one.
pub(super) async fn of(app: &App, config: &OidcConfig, person: Person) -> Result<User, ApiError> {
    let db = &app.services.db;
    if let Some(user) = db.user_by_identity(&person.issuer, &person.subject).await? {
        return Ok(user);
    }
    let identity = NewIdentity {
        issuer: &person.issuer,
        subject: &person.subject,
        provider: &config.id,
    };
    // An address that nobody has verified is anybody's.
    let email = person.email.as_deref().filter(|_| person.email_verified);
    let email = email.and_then(|email| check::address(email).ok());
    if let Some(email) = &email
        && config.link_by_email
        && let Some(user) = db.user_by_verified_address(email).await?
    {
        db.link_identity(user.id, &identity).await?;
        tracing::info!(name = %user.name, provider = config.id, "an identity was linked");
        return Ok(user);
    }
    if !app.services.config.sessions.open {
        return Err(ApiError::Forbidden(
            "nobody can make an account here; ask an admin for one",
        ));
    }
    let wanted = wanted(&person);
    let display_name = person
        .display_name
        .as_deref()
        .and_then(|name| check::line("a display name", name, DISPLAY_NAME_MAX).ok());
    for attempt in 0..ATTEMPTS {
        let name = match attempt {
            0 => wanted.clone(),
            _ => format!("{wanted}{}", rand::random_range(10..10_000)),
        };
        let created = db
            .create_user_by_identity(&name, email.as_deref(), display_name.as_deref(), &identity)
            .await;
        match created {
            Ok(id) => {
                let user = db.user_by_id(id).await?.ok_or(ApiError::Internal)?;
                tracing::info!(name = %user.name, provider = config.id, "account made by a provider");
                let registered = Happening::UserRegistered { user: user.clone() };
                app.services.live.bus().emit(registered).await;
                return Ok(user);
            }
            Err(DbError::Conflict { what: "user name" }) => {}
            Err(DbError::Conflict {
                what: "e-mail address",
            }) => {
                return Err(ApiError::Conflict(
                    "an account here has your e-mail address already; log in with its password"
                        .into(),
                ));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApiError::Unavailable(
        "no free user name was found; try again".into(),
    ))
}

/// A name like those of accounts that people make themselves.
fn wanted(person: &Person) -> String {
    let local = person
        .email
        .as_deref()
        .and_then(|email| email.split('@').next());
    let sources = [
        person.user_name.as_deref(),
        local,
        person.display_name.as_deref(),
    ];
    let clean = |text: &str| -> Option<String> {
        let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let text: String = text
            .to_lowercase()
            .chars()
            .filter(fits)
            .take(NAME_MAX)
            .collect();
        let text = text.trim_start_matches(['-', '_', '.']).to_owned();
        (!text.is_empty()).then_some(text)
    };
    let mut names = sources.into_iter().flatten().filter_map(clean);
    names.next().unwrap_or_else(|| "user".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_what_is_said() {
        let person = |user_name: Option<&str>, email: Option<&str>| Person {
            issuer: String::new(),
            subject: String::new(),
            email: email.map(str::to_owned),
            email_verified: false,
            user_name: user_name.map(str::to_owned),
            display_name: Some("Ann O".into()),
        };
        assert_eq!(wanted(&person(Some("Ann.B c"), None)), "ann.bc");
        assert_eq!(wanted(&person(Some("日本"), Some("a-n@x.y"))), "a-n");
        assert_eq!(wanted(&person(None, None)), "anno");
        let long = wanted(&person(Some(&"x".repeat(90)), None));
        assert_eq!(long.len(), NAME_MAX);
    }
}
