//! Sealing of secrets: ChaCha20-Poly1305 (RFC 8439) with a random nonce, and the name of what is
//! sealed as associated data, so that a sealed value moved to another place can't be opened there.
//!
//! The key never gets to where sealed values are kept. Clear text never leaves this crate but to who
//! asked for it.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit, Nonce};
use rand::RngCore;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const NONCE_BYTES: usize = 12;

type Result<T> = std::result::Result<T, SealError>;

/// Something can't be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A sealed value can't be opened.
    #[error("{what} can't be opened with this seal key; start with the key it was sealed with")]
    Sealed {
        /// What was sealed.
        what: String,
    },
    /// The seal key's file can't be used.
    #[error("the seal key file {path} can't be used: {reason}", path = .path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
}

/// The key that secrets are sealed with.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl SealKey {
    /// A key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the key from `path` (64 hexadecimal digits), or makes a random one there, readable
    /// by its owner only. Two processes that start at once get the same key.
    ///
    /// # Errors
    /// [`SealError::KeyFile`] when others may read the file or it holds no key.
    pub fn load_or_create(path: &Path) -> Result<Self> {
        let refuse = |reason: String| SealError::KeyFile { path: path.to_owned(), reason };
        if !path.exists() {
            create_key_file(path).map_err(|e| refuse(e.to_string()))?;
        }
        let mode = fs::metadata(path).map_err(|e| refuse(e.to_string()))?.mode();
        if mode & 0o077 != 0 {
            return Err(refuse("others may read it; run chmod 600 on it".to_owned()));
        }
        let text = fs::read_to_string(path).map_err(|e| refuse(e.to_string()))?;
        from_hex(text.trim())
            .map(Self)
            .ok_or_else(|| refuse("it doesn't hold 64 hexadecimal digits; restore it".to_owned()))
    }
}

/// Writes a whole file aside and links it into place, so that nobody ever sees half a key.
fn create_key_file(path: &Path) -> std::io::Result<()> {
    let mut key = [0; 32];
    rand::rng().fill_bytes(&mut key);
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{:016x}", rand::rng().next_u64()));
    let aside = PathBuf::from(aside);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    let written = file
        .write_all(format!("{}\n", hex(&key)).as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| match fs::hard_link(&aside, path) {
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
            other => other,
        });
    fs::remove_file(&aside)?;
    written?;
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty());
    fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(bytes)
}

/// Seals and opens with one key.
pub struct Sealer(ChaCha20Poly1305);

impl Sealer {
    /// Seals with `key`.
    pub fn new(key: &SealKey) -> Self {
        Self(ChaCha20Poly1305::new(Key::from_slice(&key.0)))
    }

    /// Seals `clear` as `what`; the nonce comes first.
    pub fn seal(&self, what: &str, clear: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload { msg: clear, aad: what.as_bytes() };
        let sealed = self
            .0
            .encrypt(Nonce::from_slice(&nonce), payload)
            .expect("far below the cipher's limit of 256 GiB");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens what was sealed as `what`.
    pub fn open(&self, what: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let fail = || SealError::Sealed { what: what.to_owned() };
        if sealed.len() < NONCE_BYTES {
            return Err(fail());
        }
        let (nonce, msg) = sealed.split_at(NONCE_BYTES);
        let payload = Payload { msg, aad: what.as_bytes() };
        self.0.decrypt(Nonce::from_slice(nonce), payload).map_err(|_| fail())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_sealed_value_opens_only_with_its_key_and_in_its_place() {
        let sealer = Sealer::new(&SealKey::new([1; 32]));
        let sealed = sealer.seal("md5 key of connection 7", b"hunter2");
        assert_eq!(sealer.open("md5 key of connection 7", &sealed).unwrap(), b"hunter2");
        assert!(sealer.open("md5 key of connection 8", &sealed).is_err());
        let other = Sealer::new(&SealKey::new([2; 32]));
        assert!(other.open("md5 key of connection 7", &sealed).is_err());
        assert!(sealer.open("md5 key of connection 7", &sealed[..5]).is_err());
    }

    #[test]
    fn the_key_file_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seal.key");
        let first = SealKey::load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(SealKey::load_or_create(&path).unwrap().0, first.0);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_file_that_others_may_read_or_that_holds_no_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seal.key");
        SealKey::load_or_create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = SealKey::load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short").unwrap();
        let error = SealKey::load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal digits"), "{error}");
    }
}
