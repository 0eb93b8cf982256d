//! Passwords of users, kept as argon2id hashes in the PHC string form.

use std::sync::{LazyLock, OnceLock};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

/// Hashes computed at once. Each takes [`Cost`] of memory and tens of milliseconds of a core; more
/// logins wait.
const PARALLEL_HASHES: usize = 2;

/// Longest password in bytes; longer ones are refused before they are hashed.
pub const MAX_PASSWORD_LEN: usize = 1024;

/// Shortest password that may be set, in characters (NIST SP 800-63B section 5.1.1.2).
pub const MIN_PASSWORD_CHARS: usize = 8;

/// What a hash costs whoever makes it: us with each login, and a thief of hashes with each guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
}

impl Default for Cost {
    /// OWASP's first choice: 19 MiB, two passes.
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
        }
    }
}

impl Cost {
    /// The least that may be set. Below [`Cost::default`] hashes are guessed faster than they should be:
    /// for tests, and machines that can do no more.
    pub const LEAST: Self = Self {
        memory_kib: 7 * 1024,
        passes: 1,
    };

    /// The most: more would let few logins fill the machine.
    pub const MOST: Self = Self {
        memory_kib: 1024 * 1024,
        passes: 16,
    };
}

static COST: OnceLock<Cost> = OnceLock::new();

/// Sets what new hashes cost in this process, before the first is made; `false` when that is over.
/// Older hashes are replaced when their users log in.
pub fn set_cost(cost: Cost) -> bool {
    COST.set(cost).is_ok()
}

/// Whether a hash was made at another cost than new ones.
pub fn is_outdated(hash: &str) -> bool {
    let params = PasswordHash::new(hash)
        .ok()
        .and_then(|hash| Params::try_from(&hash).ok());
    let cost = COST.get_or_init(Cost::default);
    !params.is_some_and(|it| it.m_cost() == cost.memory_kib && it.t_cost() == cost.passes)
}

static HASHING: Semaphore = Semaphore::const_new(PARALLEL_HASHES);

/// Compared against when there is no such user, so that the answer takes as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    hash_now(crate::keys::generate().0.reveal()).expect("a short password has a hash")
});

/// Why a password cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too easily guessed.
    #[error("a password has at least {MIN_PASSWORD_CHARS} characters")]
    TooShort,
    /// Would cost too much to hash.
    #[error("a password has at most {MAX_PASSWORD_LEN} bytes")]
    TooLong,
    /// The hash function refused it; tells what it said.
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
}

/// The hash to store for a new password.
///
/// # Errors
/// When it is too short or too long.
pub async fn hash(password: String) -> Result<String, PasswordError> {
    check(&password)?;
    off_the_async_threads(move || hash_now(&password)).await
}

/// Whether a password may be set.
///
/// # Errors
/// When it is too short or too long.
pub fn check(password: &str) -> Result<(), PasswordError> {
    if password.chars().count() < MIN_PASSWORD_CHARS {
        return Err(PasswordError::TooShort);
    }
    if password.len() > MAX_PASSWORD_LEN {
        return Err(PasswordError::TooLong);
    }
    Ok(())
}

/// Whether a password is the one of `stored`. Without a stored hash (no such user) the answer is
/// no, and takes as long.
pub async fn verify(password: String, stored: Option<String>) -> bool {
    if password.len() > MAX_PASSWORD_LEN {
        return false;
    }
    off_the_async_threads(move || {
        // An account that has no password is none to log in to, and takes as long.
        let stored = stored.filter(|stored| stored != weir_db::NO_PASSWORD);
        let known = stored.is_some();
        let stored = stored.as_deref().unwrap_or(&NOBODY);
        let matches = PasswordHash::new(stored).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        });
        known && matches
    })
    .await
}

fn hash_now(password: &str) -> Result<String, PasswordError> {
    let cost = COST.get_or_init(Cost::default);
    let params = Params::new(cost.memory_kib, cost.passes, 1, None)
        .map_err(|error| PasswordError::Hash(error.to_string()))?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| PasswordError::Hash(error.to_string()))
}

async fn off_the_async_threads<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let _turn = HASHING
        .acquire()
        .await
        .expect("the semaphore is never closed");
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let stored = hash("correct horse".into()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$"), "{stored}");
        assert!(verify("correct horse".into(), Some(stored.clone())).await);
        assert!(!verify("correct hors".into(), Some(stored)).await);
        assert!(!verify("correct horse".into(), None).await);
        assert!(!verify("correct horse".into(), Some("no hash".into())).await);
    }

    #[tokio::test]
    async fn hashes_of_another_cost_are_outdated_and_still_fit() {
        let now = hash("correct horse".into()).await.unwrap();
        assert!(!is_outdated(&now), "{now}");
        let Cost { memory_kib, passes } = Cost::LEAST;
        let params = Params::new(memory_kib, passes, 1, None).unwrap();
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password(b"correct horse")
            .unwrap()
            .to_string();
        assert!(is_outdated(&cheap), "{cheap}");
        assert!(verify("correct horse".into(), Some(cheap)).await);
        assert!(is_outdated("no hash"));
    }

    #[tokio::test]
    async fn bad_passwords_are_refused() {
        assert_eq!(hash("short".into()).await, Err(PasswordError::TooShort));
        let long = "x".repeat(MAX_PASSWORD_LEN + 1);
        assert_eq!(hash(long.clone()).await, Err(PasswordError::TooLong));
        assert!(!verify(long, None).await);
    }
}
