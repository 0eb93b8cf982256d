//! Settings.

use std::fmt;

use url::Url;

/// Accounts.
#[derive(Debug, Clone, Default)]
pub struct AccountsConfig {
    /// Whether an admin decides who may stream. Otherwise whoever asks may.
    pub creator_approval: bool,
}

/// Mail.
#[derive(Clone)]
pub struct MailConfig {
    /// Where mail is handed in, like `smtps://user:password@smtp.example.org` or `smtp://localhost:25`.
    /// Without it mail stands in the log, and nothing but what a user asked for is written.
    pub smtp_url: Option<String>,
    /// Who it is from, like `Weir <weir@example.org>`.
    pub from: String,
    /// What links in mails begin with. Never taken from a request, whose sender could choose it.
    pub base_url: Url,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            smtp_url: None,
            from: "Weir <weir@localhost>".to_owned(),
            base_url: Url::parse("http://localhost:8080/").expect("a URL"),
        }
    }
}

impl fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("MailConfig")
            .field("smtp", &self.smtp_url.is_some())
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl MailConfig {
    /// Whether mail could be sent so.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        super::mail::check(self)
    }
}
