//! People who sign in to the portal, and the invitations that let them choose a password.

use crate::db::{Db, IdPage, Tx};
use crate::error::{Conflict, Result};
use crate::secret_token::{hash, random};
use crate::statement::{Columns, Entity, entity_or_missing, fold, sql};
use crate::tokens::Role;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Database id.
    pub id: i64,
    /// E-mail address, by which the person signs in; in any case.
    pub email: String,
    /// Name as shown.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// Subscriptions that the person reaches; an operator's or host-wide reader's is empty: all.
    pub subscriptions: Vec<String>,
    /// Argon2id hash in PHC form; `None` until the invitation was accepted.
    pub password_hash: Option<String>,
    /// True when the person may not sign in any more.
    pub disabled: bool,
    /// When the person was invited first.
    pub created_at: Timestamp,
}

impl Entity for Person {
    const WHAT: &'static str = "person";
    fn set_id(&mut self, id: i64) {
        self.id = id;
    }
}

statements! {
    INSERT = "INSERT INTO people (email, doc) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id";
    BY_EMAIL = "SELECT id, doc FROM people WHERE email = $1";
    BY_ID = "SELECT id, doc FROM people WHERE id = $1";
    LOCK = "SELECT id, doc FROM people WHERE id = $1 {for_update}";
    LIST = "SELECT id, doc FROM people WHERE id > $1 ORDER BY id LIMIT $2";
    UPDATE = "UPDATE people SET email = $1, doc = $2 WHERE id = $3";
    INVITE = "INSERT INTO invitations (hash, person_id, expires_at_ms) VALUES ($1, $2, $3)";
    INVITED = "SELECT person_id FROM invitations WHERE hash = $1 AND expires_at_ms > $2";
    OPEN = "SELECT person_id, expires_at_ms FROM invitations WHERE expires_at_ms > $1";
    ALL_LOCK = "SELECT id, doc FROM people ORDER BY id {for_update}";
    UNINVITE = "DELETE FROM invitations WHERE person_id = $1";
}

/// Adds a person; the id is given.
///
/// # Errors
/// [`Conflict::PersonKnown`] when the e-mail address is somebody's.
pub async fn person_insert(tx: &mut Tx, new: &Person) -> Result<Person> {
    let inserted = sql(INSERT).bind(fold(&new.email)).bind_doc(new)?.insert(tx, new).await?;
    let Some(inserted) = inserted else {
        return Err(Conflict::PersonKnown { email: new.email.clone() }.into());
    };
    tx.wakes_workers();
    Ok(inserted)
}

/// The one of an e-mail address, any case.
pub async fn person_by_email(db: &mut impl Db, email: &str) -> Result<Option<Person>> {
    sql(BY_EMAIL).bind(fold(email)).entity(db).await
}

/// The one of an id.
pub async fn person_by_id(db: &mut impl Db, id: i64) -> Result<Option<Person>> {
    sql(BY_ID).bind(id).entity(db).await
}

/// The one of an id, which nobody else changes until the transaction ends.
pub async fn person_lock(tx: &mut Tx, id: i64) -> Result<Person> {
    entity_or_missing(sql(LOCK).bind(id).optional(tx).await?, id)
}

/// All, first invited first.
pub async fn people_list(db: &mut impl Db, page: IdPage) -> Result<Vec<Person>> {
    sql(LIST).bind_id_page(page).entities(db).await
}

/// Writes what changed.
///
/// # Errors
/// When the new e-mail address is somebody else's: [`Conflict::Constraint`].
pub async fn person_update(tx: &mut Tx, person: &Person) -> Result<()> {
    sql(UPDATE)
        .bind(fold(&person.email))
        .bind_doc(person)?
        .bind(person.id)
        .run_one(tx, Person::WHAT, &person.email)
        .await?;
    // Open pages look again: the person's own, and those of operators.
    tx.wakes_workers();
    Ok(())
}

/// How many operators can sign in besides one; none of them is changed by somebody else until the
/// transaction ends.
pub async fn other_operators(tx: &mut Tx, but: i64) -> Result<usize> {
    let people: Vec<Person> = sql(ALL_LOCK).entities(tx).await?;
    let operates = |p: &&Person| p.role == Role::Operator && !p.disabled && p.password_hash.is_some();
    Ok(people.iter().filter(operates).filter(|p| p.id != but).count())
}

/// Invites a person to choose a password until `expires_at`, and gives the token, once. Earlier
/// invitations of the person end.
pub async fn invitation_add(tx: &mut Tx, person: i64, expires_at: Timestamp) -> Result<String> {
    invitations_end(tx, person).await?;
    let token = random("mi_");
    sql(INVITE).bind(hash(&token)).bind(person).bind_time(expires_at).run(tx).await?;
    Ok(token)
}

/// Whom an invitation is for; `None` when it is unknown, used or expired.
pub async fn invitation_find(db: &mut impl Db, token: &str, now: Timestamp) -> Result<Option<Person>> {
    match sql(INVITED).bind(hash(token)).bind_time(now).optional(db).await? {
        Some(row) => person_by_id(db, row.int(0)?).await,
        None => Ok(None),
    }
}

/// The invitations that can be used now: whose, and until when.
pub async fn invitations_open(db: &mut impl Db, now: Timestamp) -> Result<Vec<(i64, Timestamp)>> {
    let rows = sql(OPEN).bind_time(now).all(db).await?;
    rows.iter().map(|row| Ok((row.int(0)?, row.time(1)?))).collect()
}

/// Ends a person's invitations: one was used, or they are withdrawn.
pub async fn invitations_end(tx: &mut Tx, person: i64) -> Result<()> {
    sql(UNINVITE).bind(person).run(tx).await?;
    tx.wakes_workers();
    Ok(())
}
