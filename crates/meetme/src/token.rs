//! `meetme token`: API tokens, printed once and stored hashed.

use crate::config::Config;
use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use meetme_store::{self as store, NewToken, Role};

#[derive(Subcommand)]
pub enum TokenCommand {
    /// Create a token and print it, once.
    Create {
        /// What it may do.
        #[arg(long)]
        role: RoleArgument,
        /// The only subscription that it reaches; needed for a peer.
        #[arg(long)]
        subscription: Option<String>,
        /// Who has it, for the audit trail.
        #[arg(long)]
        name: Option<String>,
        /// How long it is valid, such as 90d or 12h; for ever when left out.
        #[arg(long, value_parser = duration)]
        expires: Option<SignedDuration>,
    },
    /// List tokens; what they are is not known any more.
    List,
    /// End a token now.
    Revoke {
        /// Its number, as listed.
        id: i64,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum RoleArgument {
    /// Everything, and decides.
    Operator,
    /// Its own subscription.
    Peer,
    /// Reads.
    Reader,
}

pub async fn run(config: &Config, command: TokenCommand) -> anyhow::Result<()> {
    let opened = config.store().await?;
    let now = Timestamp::now();
    match command {
        TokenCommand::Create { role, subscription, name, expires } => {
            let role = match role {
                RoleArgument::Operator => Role::Operator,
                RoleArgument::Peer => Role::Peer,
                RoleArgument::Reader => Role::Reader,
            };
            let name = name.unwrap_or_else(|| role.name().to_owned());
            let new = NewToken { name, role, subscription, expires_at: expires.map(|d| now + d) };
            let mut tx = opened.begin().await?;
            let (clear, principal) = store::token_create(&mut tx, new, now).await?;
            let detail = serde_json::json!({ "id": principal.id, "role": role.name(), "subscription": principal.subscription });
            store::audit_add(&mut tx, now, "cli", "token.create", "token", detail).await?;
            tx.commit().await?;
            println!("{clear}");
        }
        TokenCommand::List => {
            println!(
                "{:<5} {:<10} {:<20} {:<38} {:<22} STATE",
                "ID", "ROLE", "NAME", "SUBSCRIPTION", "EXPIRES"
            );
            for token in store::token_list(&mut opened.read().await?).await? {
                let p = token.principal;
                let expired = p.expires_at.is_some_and(|at| at <= now);
                let state = if token.revoked_at.is_some() {
                    "revoked"
                } else if expired {
                    "expired"
                } else {
                    "valid"
                };
                let expires = p.expires_at.map_or_else(|| "never".into(), |at| format!("{at:.0}"));
                let subscription = p.subscription.as_deref().unwrap_or("(all)");
                println!(
                    "{:<5} {:<10} {:<20} {subscription:<38} {expires:<22} {state}",
                    p.id,
                    p.role.name(),
                    p.name
                );
            }
        }
        TokenCommand::Revoke { id } => {
            let mut tx = opened.begin().await?;
            store::token_revoke(&mut tx, id, now).await?;
            store::audit_add(&mut tx, now, "cli", "token.revoke", "token", serde_json::json!({ "id": id }))
                .await?;
            tx.commit().await?;
            println!("Token {id} is revoked.");
        }
    }
    Ok(())
}

/// `90d`, `12h`, `30m`.
fn duration(text: &str) -> anyhow::Result<SignedDuration> {
    let wrong = || format!("'{text}' isn't a duration; write a number with d, h or m, such as 90d");
    let unit = text.chars().last().with_context(wrong)?;
    let number: i64 = text[..text.len() - unit.len_utf8()].parse().with_context(wrong)?;
    let minutes = match unit {
        'd' => 24 * 60,
        'h' => 60,
        'm' => 1,
        _ => anyhow::bail!(wrong()),
    };
    let total =
        number.checked_mul(minutes).filter(|m| (1..=60 * 24 * 3660).contains(m)).with_context(wrong)?;
    Ok(SignedDuration::from_mins(total))
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(duration("90d").unwrap().as_hours(), 90 * 24);
        assert_eq!(duration("12h").unwrap().as_hours(), 12);
        for wrong in ["", "d", "90", "90y", "-1d", "0d", "99999999999999d", "1é"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
