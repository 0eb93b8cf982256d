//! Why there is no answer, and how people are told.

use weir_protocol::{ErrorCode, Problem};

use crate::texts::{self, Language, frame};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiError {
    /// The server said no, and why.
    Refused(Problem),
    /// Something before it answered with this status, for example a proxy.
    Status(u16),
    /// No answer at all.
    Unreachable,
    /// An answer that this client does not understand: most likely an old page with a new server.
    Unreadable,
}

impl ApiError {
    /// The status of the answer, where there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(problem) => Some(problem.status),
            Self::Status(status) => Some(*status),
            Self::Unreachable | Self::Unreadable => None,
        }
    }

    /// There is no such thing, or not for this user.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Nobody is logged in, or no longer.
    pub fn is_unauthorized(&self) -> bool {
        self.status() == Some(401)
    }

    /// Whoever is logged in may not do it.
    pub fn is_forbidden(&self) -> bool {
        self.status() == Some(403)
    }

    /// For people, in their language: the server's own words are more exact, and English.
    pub fn text(&self) -> String {
        match self {
            Self::Unreachable => frame::no_answer().to_owned(),
            Self::Unreadable => frame::outdated().to_owned(),
            Self::Status(status) => general(None, *status),
            Self::Refused(problem) => {
                let general = general(Some(problem.code), problem.status);
                match (&problem.detail, texts::language()) {
                    (Some(detail), Language::English) => sentence(detail),
                    (Some(detail), Language::French) => format!("{general} ({detail})"),
                    (None, _) => general,
                }
            }
        }
    }
}

fn general(code: Option<ErrorCode>, status: u16) -> String {
    let text = match (code, status) {
        (Some(ErrorCode::Unauthorized), _) | (None, 401) => frame::log_in_first(),
        (Some(ErrorCode::Forbidden), _) | (None, 403) => frame::not_allowed(),
        (Some(ErrorCode::NotFound), _) | (None, 404) => frame::not_found(),
        (Some(ErrorCode::TlsRequired), _) => frame::needs_tls(),
        (Some(ErrorCode::Changed), _) => frame::changed(),
        (Some(ErrorCode::TooManyRequests), _) | (None, 429) => frame::too_many(),
        (Some(ErrorCode::Unavailable), _) | (None, 502..=504) => frame::unavailable(),
        (Some(ErrorCode::Internal), _) => frame::internal(),
        (
            Some(
                ErrorCode::BadRequest
                | ErrorCode::MethodNotAllowed
                | ErrorCode::Conflict
                | ErrorCode::NotLive
                | ErrorCode::UnsupportedMediaType
                | ErrorCode::TooLarge
                | ErrorCode::Unprocessable,
            )
            | None,
            _,
        ) => return frame::refused(status),
    };
    text.to_owned()
}

/// Begins with a capital and ends with a stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let mut said: String = chars
        .next()
        .map(|first| first.to_uppercase().collect())
        .unwrap_or_default();
    said.push_str(chars.as_str());
    if !said.ends_with(['.', '!', '?']) {
        said.push('.');
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(detail: Option<&str>) -> ApiError {
        ApiError::Refused(Problem {
            code: ErrorCode::Conflict,
            status: 409,
            title: "Conflict".to_owned(),
            detail: detail.map(str::to_owned),
        })
    }

    #[test]
    fn people_are_told_what_the_server_said() {
        let taken = refused(Some("the name is taken"));
        assert_eq!(taken.text(), "The name is taken.");
        assert_eq!(refused(None).text(), "This did not work (error 409).");
        assert_eq!(ApiError::Status(502).text(), frame::unavailable());
        texts::speak(Language::French);
        assert_eq!(
            taken.text(),
            "Cela n’a pas fonctionné (erreur 409). (the name is taken)"
        );
        texts::speak(Language::English);
    }
}
