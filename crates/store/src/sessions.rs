//! Sessions of people in the portal. A session's token is its cookie; its hash is kept.

use crate::db::{Db, Tx};
use crate::error::Result;
use crate::people::{Person, person_by_id};
use crate::secret_token::{hash, random};
use crate::statement::{Columns, sql};
use jiff::Timestamp;
use sqlx::any::AnyRow;

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Database id.
    pub id: i64,
    /// Whose.
    pub person_id: i64,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was used last, to the minute.
    pub seen_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The browser, as it calls itself.
    pub agent: String,
}

statements! {
    ADD = "INSERT INTO sessions (hash, person_id, created_at_ms, seen_at_ms, expires_at_ms, agent)
           VALUES ($1, $2, $3, $3, $4, $5)";
    FIND = "SELECT id, person_id, created_at_ms, seen_at_ms, expires_at_ms, agent FROM sessions
            WHERE hash = $1 AND expires_at_ms > $2";
    OF = "SELECT id, person_id, created_at_ms, seen_at_ms, expires_at_ms, agent FROM sessions
          WHERE person_id = $1 AND expires_at_ms > $2 ORDER BY seen_at_ms DESC";
    SEEN = "UPDATE sessions SET seen_at_ms = $1, expires_at_ms = $2 WHERE id = $3";
    END = "DELETE FROM sessions WHERE id = $1 AND person_id = $2";
    END_ALL = "DELETE FROM sessions WHERE person_id = $1 AND id <> $2";
    PURGE = "DELETE FROM sessions WHERE expires_at_ms <= $1";
}

/// Opens a session and gives its token, once. Sessions that have ended go away meanwhile.
pub async fn session_add(
    tx: &mut Tx,
    person: i64,
    agent: &str,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<String> {
    sql(PURGE).bind_time(now).run(tx).await?;
    let token = random("ms_");
    sql(ADD).bind(hash(&token)).bind(person).bind_time(now).bind_time(expires_at).bind(agent).run(tx).await?;
    Ok(token)
}

/// The session of a token with its person; `None` when it has ended or the person may not sign in.
pub async fn session_find(
    db: &mut impl Db,
    token: &str,
    now: Timestamp,
) -> Result<Option<(Session, Person)>> {
    let Some(row) = sql(FIND).bind(hash(token)).bind_time(now).optional(db).await? else {
        return Ok(None);
    };
    let session = session(&row)?;
    let person = person_by_id(db, session.person_id).await?;
    Ok(person.filter(|p| !p.disabled).map(|person| (session, person)))
}

/// A person's open sessions, last used first.
pub async fn sessions_of(db: &mut impl Db, person: i64, now: Timestamp) -> Result<Vec<Session>> {
    sql(OF).bind(person).bind_time(now).all(db).await?.iter().map(session).collect()
}

/// Notes that a session was used, and until when it lasts now.
pub async fn session_seen(tx: &mut Tx, id: i64, at: Timestamp, expires_at: Timestamp) -> Result<()> {
    sql(SEEN).bind_time(at).bind_time(expires_at).bind(id).run(tx).await?;
    Ok(())
}

/// Ends one of a person's sessions.
pub async fn session_end(tx: &mut Tx, id: i64, person: i64) -> Result<()> {
    sql(END).bind(id).bind(person).run(tx).await?;
    // Its open pages look again, and find that it has ended.
    tx.wakes_workers();
    Ok(())
}

/// Ends all of a person's sessions, but one when it is named.
pub async fn sessions_end(tx: &mut Tx, person: i64, but: Option<i64>) -> Result<()> {
    sql(END_ALL).bind(person).bind(but.unwrap_or(0)).run(tx).await?;
    tx.wakes_workers();
    Ok(())
}

fn session(row: &AnyRow) -> Result<Session> {
    Ok(Session {
        id: row.int(0)?,
        person_id: row.int(1)?,
        created_at: row.time(2)?,
        seen_at: row.time(3)?,
        expires_at: row.time(4)?,
        agent: row.text(5)?,
    })
}
