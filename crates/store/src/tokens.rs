//! Bearer tokens: shown once, kept as SHA-256. A token has 256 random bits, so a plain hash
//! can't be guessed back and needs no salt.

use crate::db::{Db, Store, Tx};
use crate::error::{Result, StoreError};
use crate::secret_token::{digest, hash, random};
use crate::statement::{Columns, sql};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;

/// What a token's holder may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Operator,
    /// Everything in one subscription.
    Peer,
    /// Look; in one subscription, or everywhere without one.
    Reader,
}

impl Role {
    /// Its name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Peer => "peer",
            Self::Reader => "reader",
        }
    }

    /// The role of a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Operator, Self::Peer, Self::Reader].into_iter().find(|role| role.name() == name)
    }
}

/// Who a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Database id of the token.
    pub id: i64,
    /// The token's name, as it appears in the audit trail.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The only subscription that it reaches; `None`: all.
    pub subscription: Option<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A token to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The only subscription that it reaches; a peer's token needs one.
    pub subscription: Option<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A token in the list: everything but the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Who it stands for.
    pub principal: Principal,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

statements! {
    CREATE = "INSERT INTO tokens (name, role, subscription, hash, created_at_ms, expires_at_ms)
              VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    FIND = "SELECT id, name, role, subscription, expires_at_ms FROM tokens
            WHERE hash = $1 AND revoked_at_ms IS NULL
            AND (expires_at_ms IS NULL OR expires_at_ms > $2)";
    LIST = "SELECT id, name, role, subscription, expires_at_ms, created_at_ms, revoked_at_ms
            FROM tokens ORDER BY id";
    REVOKE = "UPDATE tokens SET revoked_at_ms = $1 WHERE id = $2 AND revoked_at_ms IS NULL";
}

/// Makes a token and gives it in clear, once: `mt_` and 64 hexadecimal digits.
///
/// # Errors
/// [`StoreError::TokenWithoutSubscription`] for a peer's token that would reach everything.
pub async fn token_create(tx: &mut Tx, new: NewToken, at: Timestamp) -> Result<(String, Principal)> {
    if new.role == Role::Peer && new.subscription.is_none() {
        return Err(StoreError::TokenWithoutSubscription);
    }
    let clear = random("mt_");
    let row = sql(CREATE)
        .bind(new.name.as_str())
        .bind(new.role.name())
        .bind(new.subscription.clone())
        .bind(hash(&clear))
        .bind_time(at)
        .bind(new.expires_at.map(Timestamp::as_millisecond))
        .optional(tx)
        .await?
        .ok_or(StoreError::Busy)?;
    let principal = Principal {
        id: row.int(0)?,
        name: new.name,
        role: new.role,
        subscription: new.subscription,
        expires_at: new.expires_at,
    };
    Ok((clear, principal))
}

/// Who `clear` stands for; `None` when it is unknown, expired or revoked.
pub async fn token_find(db: &mut impl Db, clear: &str, now: Timestamp) -> Result<Option<Principal>> {
    let row = sql(FIND).bind(hash(clear)).bind_time(now).optional(db).await?;
    row.as_ref().map(principal).transpose()
}

/// Who `clear` stands for, as [`token_find`] finds it; what was found within the last second is found
/// without the database.
pub async fn token_principal(store: &Store, clear: &str, now: Timestamp) -> Result<Option<Principal>> {
    let hash = digest(clear);
    if let Some(principal) = store.memory().principal(&hash, now) {
        return Ok(Some(principal));
    }
    let found = token_find(&mut store.read().await?, clear, now).await?;
    if let Some(principal) = &found {
        store.memory().keep_principal(hash, now, principal);
    }
    Ok(found)
}

/// All tokens that were ever made.
pub async fn token_list(db: &mut impl Db) -> Result<Vec<Token>> {
    let rows = sql(LIST).all(db).await?;
    rows.iter()
        .map(|row| {
            Ok(Token {
                principal: principal(row)?,
                created_at: row.time(5)?,
                revoked_at: row.time_or_null(6)?,
            })
        })
        .collect()
}

/// Ends a token now.
pub async fn token_revoke(tx: &mut Tx, id: i64, at: Timestamp) -> Result<()> {
    tx.ends_tokens();
    sql(REVOKE).bind_time(at).bind(id).run_one(tx, "valid token", id).await
}

fn principal(row: &AnyRow) -> Result<Principal> {
    let role = row.text(2)?;
    Ok(Principal {
        id: row.int(0)?,
        name: row.text(1)?,
        role: Role::named(&role)
            .ok_or_else(|| StoreError::corrupt("token", format!("unknown role '{role}'")))?,
        subscription: row.text_or_null(3)?,
        expires_at: row.time_or_null(4)?,
    })
}
