//! The site's routers and each one's newest intent on disk, sealed: an edge that starts while the control
//! plane is away has what should be, and guards gates at once. What is on the routers is never read from here.

use meetme_model::intent::RouterIntent;
use meetme_model::intent_parts::IntentParts;
use meetme_model::inventory::RouterAccess;
use meetme_seal::{SealError, SealKey, Sealer};
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

const KEY_FILE: &str = "edge.key";

/// The directory in which a site's edge keeps its intents.
#[derive(Clone)]
pub struct KeptDir {
    dir: PathBuf,
    sealer: Arc<Sealer>,
}

/// Where one router's intent is kept.
pub struct Kept {
    file: KeptFile,
    newest: watch::Sender<Option<RouterIntent>>,
}

#[derive(Clone)]
struct KeptFile {
    path: PathBuf,
    what: String,
    sealer: Arc<Sealer>,
}

impl KeptDir {
    /// Opens the directory, or makes it, with a key that its owner alone may read.
    ///
    /// # Errors
    /// The directory can't be made, or its key can't be used.
    pub fn open(dir: &Path) -> Result<Self, SealError> {
        fs::create_dir_all(dir)
            .map_err(|e| SealError::KeyFile { path: dir.to_owned(), reason: e.to_string() })?;
        let sealer = Arc::new(Sealer::new(&SealKey::load_or_create(&dir.join(KEY_FILE))?));
        Ok(Self { dir: dir.to_owned(), sealer })
    }

    /// The routers that were listed last. None when there are none, or they can't be read.
    pub fn routers(&self) -> Vec<RouterAccess> {
        let read = self.listed().read().and_then(|clear| match clear {
            Some(clear) => serde_json::from_slice(&clear).map_err(|e| e.to_string()),
            None => Ok(Vec::new()),
        });
        read.unwrap_or_else(|error| {
            tracing::warn!(error, "the kept list of routers can't be read; the control plane sends it again");
            Vec::new()
        })
    }

    /// Keeps the list of routers instead of the one before.
    pub fn keep_routers(&self, routers: &[RouterAccess]) {
        let written = serde_json::to_vec(routers).map_err(std::io::Error::from);
        if let Err(error) = written.and_then(|clear| self.listed().write(&clear)) {
            tracing::warn!(%error, "the list of routers can't be kept; without the control plane a restart would forget it");
        }
    }

    fn listed(&self) -> KeptFile {
        let (path, what) = (self.dir.join("routers"), "routers".to_owned());
        KeptFile { path, what, sealer: self.sealer.clone() }
    }

    /// The place of a router's intent. Writing goes on beside everything else, the newest only.
    pub fn of(&self, router: &str) -> Kept {
        // A name of the inventory is no path, but it may hold what file names may not.
        let name: String = router.bytes().map(|b| format!("{b:02x}")).collect();
        let file = KeptFile {
            path: self.dir.join(format!("{name}.intent")),
            what: format!("intent of {router}"),
            sealer: self.sealer.clone(),
        };
        let (newest, mut waits) = watch::channel(None::<RouterIntent>);
        let writes = file.clone();
        tokio::spawn(async move {
            while waits.changed().await.is_ok() {
                let Some(intent) = waits.borrow_and_update().clone() else { continue };
                let file = writes.clone();
                let written = tokio::task::spawn_blocking(move || file.write_intent(&intent)).await;
                if let Ok(Err(error)) = written {
                    tracing::warn!(%error, "an intent can't be kept; without the control plane a restart would forget it");
                }
            }
        });
        Kept { file, newest }
    }
}

impl Kept {
    /// The intent that was kept, as generation 0: whatever the control plane sends is newer, also one
    /// that counts from the beginning. `None` when there is none, or it can't be opened.
    pub fn read(&self) -> Option<RouterIntent> {
        match self.file.read_intent() {
            Ok(intent) => intent,
            Err(error) => {
                tracing::warn!(error, "a kept intent can't be read; the control plane sends it again");
                None
            }
        }
    }

    /// Keeps an intent instead of the one before.
    pub fn write(&self, intent: &RouterIntent) {
        self.newest.send_replace(Some(intent.clone()));
    }
}

impl KeptFile {
    fn read(&self) -> Result<Option<Vec<u8>>, String> {
        let sealed = match fs::read(&self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            sealed => sealed.map_err(|e| e.to_string())?,
        };
        self.sealer.open(&self.what, &sealed).map(Some).map_err(|e| e.to_string())
    }

    fn read_intent(&self) -> Result<Option<RouterIntent>, String> {
        let Some(clear) = self.read()? else { return Ok(None) };
        let parts: IntentParts = serde_json::from_slice(&clear).map_err(|e| e.to_string())?;
        let intent = parts.whole().map_err(|e| e.to_string())?;
        Ok(Some(RouterIntent { generation: 0, ..intent }))
    }

    fn write_intent(&self, intent: &RouterIntent) -> std::io::Result<()> {
        self.write(&serde_json::to_vec(&IntentParts::of(intent))?)
    }

    /// Aside first, so that there is always a whole one.
    fn write(&self, clear: &[u8]) -> std::io::Result<()> {
        let sealed = self.sealer.seal(&self.what, clear);
        let aside = self.path.with_extension("new");
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        file.write_all(&sealed)?;
        file.sync_all()?;
        fs::rename(&aside, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routers::frr::fixture;
    use meetme_model::intent::SessionPhase;

    #[tokio::test]
    async fn the_newest_intent_outlives_the_edge_and_lies_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let kept = KeptDir::open(dir.path()).unwrap().of("ams1/er1");
        assert!(kept.read().is_none());
        let intent = fixture::intent(7, SessionPhase::Open);
        kept.write(&intent);
        while kept.read().is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let again = KeptDir::open(dir.path()).unwrap();
        assert_eq!(again.of("ams1/er1").read(), Some(RouterIntent { generation: 0, ..intent }));
        assert!(again.of("ams1/er2").read().is_none());
        for entry in fs::read_dir(dir.path()).unwrap() {
            let bytes = fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(6).any(|w| w == b"s3cret"), "keys lie sealed");
        }
    }

    #[tokio::test]
    async fn one_routers_intent_is_not_taken_for_anothers() {
        let dir = tempfile::tempdir().unwrap();
        let kept = KeptDir::open(dir.path()).unwrap();
        let (one, other) = (kept.of("er1"), kept.of("er2"));
        one.file.write_intent(&fixture::intent(7, SessionPhase::Open)).unwrap();
        fs::copy(&one.file.path, &other.file.path).unwrap();
        assert!(one.read().is_some() && other.read().is_none());
    }
}
