//! TLS 1.2 and 1.3 with a certificate from files. When the files change, new connections get the new
//! certificate; one that doesn't hold is told in the log, and the last good one stays.

use anyhow::{Context, ensure};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tracing::{error, info};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The certificate in force, and where it comes from.
pub struct Tls {
    files: Files,
    state: Mutex<State>,
}

/// Paths of PEM files.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// The certificate, followed by those between it and the CA.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

struct State {
    /// What the files held when they were last looked at.
    seen: [Vec<u8>; 2],
    in_force: Arc<ServerConfig>,
}

impl Tls {
    /// Reads the files; both must hold.
    pub fn load(files: Files) -> anyhow::Result<Self> {
        let seen = files.read()?;
        let in_force = files.config(&seen)?;
        Ok(Self { files, state: Mutex::new(State { seen, in_force }) })
    }

    /// Begins handshakes with the certificate in force.
    pub fn acceptor(&self) -> TlsAcceptor {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_force.clone().into()
    }

    /// Looks at the files for ever.
    pub async fn watch(&self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look();
        }
    }

    /// Takes changed files over. They are small, so that reading them holds nobody up.
    fn look(&self) {
        // Between the removal of a file and its successor there is nothing to read.
        let Ok(found) = self.files.read() else { return };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.seen == found {
            return;
        }
        match self.files.config(&found) {
            Ok(config) => {
                state.in_force = config;
                info!("the TLS certificate in {} is in force", self.files.certificate.display());
            }
            Err(e) => error!("the TLS certificate changed and the last one stays in force: {e:#}"),
        }
        state.seen = found;
    }
}

impl Files {
    fn read(&self) -> anyhow::Result<[Vec<u8>; 2]> {
        let read = |path: &PathBuf| {
            std::fs::read(path).with_context(|| format!("tls: can't read {}", path.display()))
        };
        Ok([read(&self.certificate)?, read(&self.key)?])
    }

    fn config(&self, [certificate, key]: &[Vec<u8>; 2]) -> anyhow::Result<Arc<ServerConfig>> {
        let at = self.certificate.display();
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .with_context(|| format!("tls.certificate: {at} isn't PEM"))?;
        ensure!(!chain.is_empty(), "tls.certificate: there is no certificate in {at}");
        let key = PrivateKeyDer::from_pem_slice(key)
            .with_context(|| format!("tls.key: there is no private key in {}", self.key.display()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .with_context(|| format!("tls: {at} and {} don't belong together", self.key.display()))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
