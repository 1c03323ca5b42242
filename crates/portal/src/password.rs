//! Passwords: Argon2id (RFC 9106) with the library's default costs, hashed and checked away from
//! the threads that serve requests.

use crate::error::PageError;
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use rand::RngCore;
use tokio::sync::Semaphore;

/// Shortest password.
pub(crate) const MIN_LENGTH: usize = 12;
/// Longest password, in bytes: hashing costs by length.
pub(crate) const MAX_LENGTH: usize = 256;

/// What is wrong with a password as a new one, if anything.
pub(crate) fn fault(password: &str, repeated: &str) -> Option<&'static str> {
    if password.chars().count() < MIN_LENGTH {
        return Some("Use at least 12 characters; a few words are easy to remember.");
    }
    if password.len() > MAX_LENGTH {
        return Some("Use at most 256 characters.");
    }
    (password != repeated).then_some("The two passwords differ.")
}

/// The hash of a password, in PHC form.
pub(crate) async fn hash(password: String) -> Result<String, PageError> {
    let mut salt = [0; 16];
    rand::rng().fill_bytes(&mut salt);
    away(move || {
        let salt = SaltString::encode_b64(&salt).map_err(PageError::internal)?;
        let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
        hash.map(|h| h.to_string()).map_err(PageError::internal)
    })
    .await?
}

/// True when it is the password of this hash. Without a hash it takes as long and is false, so that
/// it can't be told from outside whether somebody is known.
pub(crate) async fn is_right(password: String, hash: Option<String>) -> Result<bool, PageError> {
    if password.len() > MAX_LENGTH {
        return Ok(false);
    }
    match hash {
        Some(hash) => {
            away(move || {
                PasswordHash::new(&hash)
                    .is_ok_and(|h| Argon2::default().verify_password(password.as_bytes(), &h).is_ok())
            })
            .await
        }
        None => self::hash(password).await.map(|_| false),
    }
}

/// Hashes at once: each takes 19 MiB and a core.
static TURNS: Semaphore = Semaphore::const_new(4);

async fn away<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, PageError> {
    let turn = TURNS.acquire().await.map_err(PageError::internal)?;
    // The turn ends with the work, not with a browser that goes away.
    let work = move || {
        let done = work();
        drop(turn);
        done
    };
    tokio::task::spawn_blocking(work).await.map_err(PageError::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_right_password_is_right_and_nothing_else() {
        let kept = hash("correct horse battery".into()).await.unwrap();
        assert!(kept.starts_with("$argon2id$"));
        assert!(is_right("correct horse battery".into(), Some(kept.clone())).await.unwrap());
        assert!(!is_right("correct horse batterx".into(), Some(kept)).await.unwrap());
        assert!(!is_right("anything".into(), None).await.unwrap());
    }

    #[test]
    fn a_new_password_is_long_enough_and_written_twice_alike() {
        assert!(fault("short", "short").is_some());
        assert!(fault("long enough it is", "long enough it was").is_some());
        assert!(fault(&"x".repeat(300), &"x".repeat(300)).is_some());
        assert_eq!(fault("long enough it is", "long enough it is"), None);
    }
}
