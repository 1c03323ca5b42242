//! `meetme approve` and `meetme queue`: an operator's decisions, through the API like everybody's.

use anyhow::Context;
use clap::{Args, Subcommand};
use meetme_client::{Client, Method, Operator, Resources};
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

/// What a decision needs. Without it, what is to be decided is only shown.
#[derive(Args)]
pub struct Decision {
    #[command(flatten)]
    server: Server,
    /// Why; told to the peer when refused.
    #[arg(long, requires = "seen")]
    reason: Option<String>,
    /// What is decided about, as the same command prints it without --seen. If it is something else by
    /// then, nothing is decided.
    #[arg(long, requires = "reason")]
    seen: Option<String>,
}

#[derive(Subcommand)]
pub enum ApproveCommand {
    /// Show a peer ASN, or decide about it.
    Asn {
        /// Its subscription.
        subscription: String,
        /// Its resource name.
        name: String,
        /// Refuse instead.
        #[arg(long, requires = "seen")]
        refuse: bool,
        /// Approve although another network has this name already.
        #[arg(long)]
        allow_duplicate_name: bool,
        /// Approve although the ASN is approved for somebody else already.
        #[arg(long)]
        allow_duplicate_asn: bool,
        #[command(flatten)]
        decision: Decision,
    },
    /// Show one connection, or decide about it.
    Connection {
        /// Its number or identifier, as `meetme queue` shows it.
        id: String,
        /// Refuse instead.
        #[arg(long, requires = "seen")]
        refuse: bool,
        #[command(flatten)]
        decision: Decision,
    },
    /// Show a peering, or approve every connection of it that waits for it.
    Peering {
        /// Its subscription.
        subscription: String,
        /// Its resource group.
        resource_group: String,
        /// Its name.
        name: String,
        #[command(flatten)]
        decision: Decision,
    },
}

pub async fn approve(command: ApproveCommand) -> anyhow::Result<()> {
    let (decision, at, path, mut body) = match &command {
        ApproveCommand::Asn {
            subscription,
            name,
            refuse,
            allow_duplicate_name,
            allow_duplicate_asn,
            decision,
        } => {
            let paths = Resources::new(subscription, "");
            let allowed = json!({ "allowDuplicateName": allow_duplicate_name, "allowDuplicateAsn": allow_duplicate_asn });
            (decision, paths.peer_asn_checks(name), paths.decide_peer_asn(name, !refuse), allowed)
        }
        ApproveCommand::Connection { id, refuse, decision } => {
            (decision, Operator::connection(id), Operator::decide_connection(id, !refuse), json!({}))
        }
        ApproveCommand::Peering { subscription, resource_group, name, decision } => {
            let paths = Resources::new(subscription, resource_group);
            (decision, paths.peering(name), paths.approve_peering(name), json!({}))
        }
    };
    let client = decision.server.client()?;
    let (Some(seen), Some(reason)) = (&decision.seen, &decision.reason) else {
        return show(&client, &at).await;
    };
    body["reason"] = reason.as_str().into();
    client.post_if(&path, &format!("\"{seen}\""), &body).await?;
    println!("Done.");
    Ok(())
}

/// Shows what a decision would be about, with the word that names it.
async fn show(client: &Client, at: &str) -> anyhow::Result<()> {
    let found = client.send(Method::GET, at, None).await?;
    let seen = found.etag.context("the server doesn't say what it shows; is it older than this command?")?;
    for line in lines(&found.body) {
        println!("{line}");
    }
    println!(
        "\nNothing is decided yet. To decide about this:\n  --seen {} --reason '…'",
        seen.trim_matches('"')
    );
    Ok(())
}

/// A claim or a connection with its checks, or a peering with its connections.
fn lines(found: &Value) -> Vec<String> {
    let peering = &found["properties"];
    if let Some(connections) = peering["direct"]["connections"].as_array() {
        let mut lines = vec![format!("{} in {}", text(found, "name"), text(peering, "peeringLocation"))];
        lines.extend(connections.iter().map(|c| {
            let (name, state) = (text(c, "microsoftTrackingId"), text(c, "connectionState"));
            format!("  {name:<6} {:>7} Mbps  {state}", c["bandwidthInMbps"])
        }));
        return lines;
    }
    let mut lines = vec![
        format!("AS{} {}: {}", found["asn"], text(found, "peerName"), text(found, "resourceId")),
        format!("{} since {}", text(found, "kind"), text(found, "since")),
    ];
    if found["connection"].is_i64() {
        let given = found["sessionPrefixesGivenByPeer"].as_array().into_iter().flatten();
        let given: Vec<&str> = given.filter_map(Value::as_str).collect();
        lines.push(format!(
            "{} Mbps in {}, at most {} IPv4 prefixes, session addresses {}",
            found["bandwidthInMbps"],
            text(found, "peeringLocation"),
            found["maxPrefixesAdvertisedV4"],
            if given.is_empty() { "of the host".to_owned() } else { given.join(" and ") }
        ));
    }
    for check in found["checks"].as_array().into_iter().flatten() {
        let word = if check["ok"] == true { "passes" } else { "FAILS" };
        lines.push(format!("  {word:<6}  {}: {}", text(check, "name"), text(check, "message")));
    }
    let decision = &found["decision"];
    if decision.is_object() {
        let verb = if decision["approved"] == true { "Approved" } else { "Refused" };
        let (by, at) = (text(decision, "by"), text(decision, "at"));
        lines.push(format!("{verb} by {by} at {at}: {}", text(decision, "reason")));
    }
    lines
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
