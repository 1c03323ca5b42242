//! `meetme approve` and `meetme queue`: an operator's decisions, through the API like everybody's.

use anyhow::Context;
use clap::{Args, Subcommand};
use meetme_client::{Client, Operator, Resources};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Args)]
pub struct Server {
    /// The API.
    #[arg(long, env = "MEETME_SERVER", default_value = "http://127.0.0.1:8971")]
    server: String,
    /// For https: the authorities that its certificate may be of, in PEM, instead of the machine's.
    #[arg(long, env = "MEETME_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// An operator's token.
    #[arg(long, env = "MEETME_TOKEN", hide_env_values = true)]
    token: String,
}

impl Server {
    fn client(&self) -> anyhow::Result<Client> {
        let Some(file) = &self.ca_file else { return Ok(Client::new(&self.server, &self.token)?) };
        let pem = std::fs::read(file).with_context(|| format!("can't read {}", file.display()))?;
        Client::trusting(&self.server, &self.token, &pem)
            .with_context(|| format!("{} can't be used", file.display()))
    }
}

#[derive(Args)]
pub struct Decision {
    #[command(flatten)]
    server: Server,
    /// Refuse instead.
    #[arg(long)]
    refuse: bool,
    /// Why; told to the peer when refused.
    #[arg(long)]
    reason: String,
}

#[derive(Subcommand)]
pub enum ApproveCommand {
    /// Decide a peer ASN.
    Asn {
        /// Its subscription.
        subscription: String,
        /// Its resource name.
        name: String,
        /// Approve although another network has this name already.
        #[arg(long)]
        allow_duplicate_name: bool,
        #[command(flatten)]
        decision: Decision,
    },
    /// Decide one connection.
    Connection {
        /// Its number or identifier, as `meetme queue` shows it.
        id: String,
        #[command(flatten)]
        decision: Decision,
    },
    /// Approve every connection of a peering that waits for it.
    Peering {
        /// Its subscription.
        subscription: String,
        /// Its resource group.
        resource_group: String,
        /// Its name.
        name: String,
        #[command(flatten)]
        server: Server,
        /// Why.
        #[arg(long)]
        reason: String,
    },
}

pub async fn approve(command: ApproveCommand) -> anyhow::Result<()> {
    let (server, path, body) = match &command {
        ApproveCommand::Asn { subscription, name, allow_duplicate_name, decision } => (
            &decision.server,
            Resources::new(subscription, "").decide_peer_asn(name, !decision.refuse),
            json!({ "reason": decision.reason, "allowDuplicateName": allow_duplicate_name }),
        ),
        ApproveCommand::Connection { id, decision } => (
            &decision.server,
            Operator::decide_connection(id, !decision.refuse),
            json!({ "reason": decision.reason }),
        ),
        ApproveCommand::Peering { subscription, resource_group, name, server, reason } => (
            server,
            Resources::new(subscription, resource_group).approve_peering(name),
            json!({ "reason": reason }),
        ),
    };
    let client = server.client()?;
    client.post(&path, &body).await?;
    println!("Done.");
    Ok(())
}

pub async fn queue(server: Server) -> anyhow::Result<()> {
    let client = server.client()?;
    let waiting = client.list(Operator::QUEUE).await?;
    if waiting.is_empty() {
        println!("Nothing waits for a decision.");
        return Ok(());
    }
    println!("{:<22} {:<12} {:<10} {:<24} WHAT", "SINCE", "KIND", "ASN", "NAME");
    for w in &waiting {
        let late = if w["overdue"].as_bool() == Some(true) { "  OVERDUE" } else { "" };
        println!(
            "{:<22} {:<12} {:<10} {:<24} {}{late}",
            text(w, "since").split('.').next().unwrap_or(""),
            text(w, "kind"),
            format!("AS{}", w["asn"]),
            w["trackingId"].as_str().unwrap_or_else(|| text(w, "name")),
            what(w)
        );
    }
    Ok(())
}

/// What is decided, and the command that decides it.
fn what(waiting: &Value) -> String {
    let checks = match text(waiting, "message") {
        "" => String::new(),
        message => format!(" ({message})"),
    };
    match waiting["connection"].as_i64() {
        Some(id) => format!(
            "{} Mbps in {}{checks}: meetme approve connection {id}",
            waiting["bandwidthInMbps"],
            text(waiting, "peeringLocation")
        ),
        None => format!("meetme approve asn {} {}", text(waiting, "subscription"), text(waiting, "name")),
    }
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or("")
}
