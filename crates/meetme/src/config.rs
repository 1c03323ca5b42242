//! The configuration file: what an operator sets for this process. All of it has defaults but
//! nothing that leaves the machine: mail goes nowhere until a server is named.

use crate::server::{Bounds, Files};
use anyhow::Context;
use meetme_api::Rates;
use meetme_control::{MailSettings, Settings};
use meetme_model::plan::Timing;
use meetme_model::plan::approval::ApprovalPolicy;
use meetme_store::{SealKey, Store};
use serde::Deserialize;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where `/metrics` listens; nowhere when absent.
    pub metrics_listen: Option<SocketAddr>,
    /// `sqlite:PATH` or `postgres://…`.
    pub database: String,
    /// File of the key that seals secrets; created when missing.
    pub seal_key: PathBuf,
    /// Unix socket where edges link in; none when absent.
    pub edge_socket: Option<PathBuf>,
    /// Sites whose edge runs inside this process.
    pub embedded_edges: Vec<String>,
    /// Directory where edges inside this process keep, sealed, what their routers should be.
    pub edge_state: PathBuf,
    /// Certificate and key for HTTPS; without it the API speaks plain HTTP.
    pub tls: Option<Files>,
    /// Where the API speaks plain HTTP besides, on this machine only: for `meetme approve` and
    /// `meetme queue` when `listen` speaks HTTPS.
    pub local_listen: Option<SocketAddr>,
    /// Rows per page of a list.
    pub page_size: Option<NonZeroU16>,
    /// Bounds on connections.
    pub http: Bounds,
    /// How much one token may ask.
    pub rates: Rates,
    /// The API's address as clients see it, when a proxy stands in front.
    pub external_url: Option<String>,
    /// Mail.
    pub mail: Option<MailConfig>,
    /// Which decisions need no operator.
    pub approval: ApprovalPolicy,
    /// How long is waited for what, as ISO 8601 durations.
    pub timing: Timing,
}

/// Mail.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// SMTP server.
    pub smtp_host: String,
    /// Its port.
    #[serde(default = "smtp_port")]
    pub smtp_port: u16,
    /// Sender.
    pub from: String,
}

fn smtp_port() -> u16 {
    25
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8971)),
            metrics_listen: None,
            database: "sqlite:meetme.db".into(),
            seal_key: "meetme.key".into(),
            edge_socket: None,
            embedded_edges: Vec::new(),
            edge_state: "meetme-edge".into(),
            tls: None,
            local_listen: None,
            page_size: None,
            http: Bounds::default(),
            rates: Rates::default(),
            external_url: None,
            mail: None,
            approval: ApprovalPolicy::default(),
            timing: Timing::default(),
        }
    }
}

impl Config {
    /// Settings of the API.
    pub fn api(&self) -> meetme_api::Settings {
        let default = meetme_api::Settings::default();
        meetme_api::Settings {
            page_size: self.page_size.map_or(default.page_size, |n| usize::from(n.get())),
            external_url: self.external_url.clone(),
            rates: self.rates.clone(),
            body_timeout: self.http.body_timeout,
            timing: self.timing,
        }
    }

    /// Opens the store that the file names.
    pub async fn store(&self) -> anyhow::Result<Store> {
        let key = SealKey::load_or_create(&self.seal_key)?;
        Ok(Store::open(&self.database, &key).await?)
    }

    /// Settings of the reconcilers.
    pub fn control(&self) -> Settings {
        Settings {
            policy: self.approval.clone(),
            timing: self.timing,
            mail: self.mail.as_ref().map(|m| MailSettings {
                host: m.smtp_host.clone(),
                port: m.smtp_port,
                from: m.from.clone(),
            }),
        }
    }
}

/// Reads the file. Every name in it must be known: a misspelt one is told, not ignored.
pub fn load(path: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("can't read the configuration {}; name another with --config", path.display())
    })?;
    toml::from_str(&text).with_context(|| format!("the configuration {} doesn't hold", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_a_configuration_and_a_misspelt_name_is_not() {
        let config: Config = toml::from_str("").unwrap();
        assert_eq!(config.listen.port(), 8971);
        assert!(toml::from_str::<Config>("lisen = '127.0.0.1:1'").unwrap_err().to_string().contains("lisen"));
    }

    #[test]
    fn a_bare_list_of_asns_says_what_to_write_instead() {
        let text = "[[approval.preapproved]]\nasn = 64510\nsubscription = 'sub-a'";
        let config: Config = toml::from_str(text).unwrap();
        assert!(config.approval.preapproves(meetme_model::Asn(64510), "sub-a"));
        let error =
            toml::from_str::<Config>("[approval]\npreapproved_asns = [64510]").unwrap_err().to_string();
        assert!(error.contains("[[approval.preapproved]]"), "{error}");
    }

    #[test]
    fn durations_are_iso_8601_and_what_is_left_out_keeps_its_default() {
        let config: Config = toml::from_str("[timing]\ndrain = 'PT2S'").unwrap();
        assert_eq!(config.timing.drain.as_secs(), 2);
        assert_eq!(config.timing.close, Timing::default().close);
        assert_eq!(config.api().timing, config.timing, "clients are told the times that are set");
    }

    #[test]
    fn rates_and_bounds_are_set_one_by_one() {
        let text = "page_size = 7\n[rates]\nlive = { per_s = 2, burst = 3 }\n[http]\nmax_connections = 9\n\
                    [tls]\ncertificate = 'a.pem'\nkey = 'b.pem'";
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!((config.rates.live.burst.get(), config.rates.reads), (3, Rates::default().reads));
        assert_eq!((config.api().page_size, config.api().rates), (7, config.rates.clone()));
        assert!(toml::from_str::<Config>("page_size = 0").is_err());
        assert_eq!(config.http, Bounds { max_connections: 9, ..Bounds::default() });
        assert!(toml::from_str::<Config>("[tls]\ncertificate = 'a.pem'").is_err());
    }
}
