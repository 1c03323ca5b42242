//! `PUT peerings/{name}`: asks for a peering, or changes it: connections are added, changed and
//! removed until there are those that were sent. Everything else is the reconciler's.

use super::get::show;
use super::held;
use super::leaving;
use super::sent::{Sent, adopt_identifiers, check_addresses, check_changes, peer_asn_name};
use super::shape::offering_name;
use super::wire::{Shown, id};
use crate::arm::{inventory, resource_manager};
use crate::call::{Answer, Call, ok, written};
use crate::error::ApiError;
use meetme_model::Violations;
use meetme_model::connection::{Connection, ConnectionState, Removal, Stage};
use meetme_model::inventory::Inventory;
use meetme_model::peering::{
    ConnectionSpec, ExistingConnection, Peering, PeeringDraft, PeeringSpec, ResolvedAsn, ValidateContext,
    check_kind, validate,
};
use meetme_model::plan::removal::first_step;
use meetme_store::{
    Tx, WorkKind, connection_insert, connection_update, md5_key_delete, md5_key_put, peer_asn_get,
    peering_get, peering_insert, peering_lock, peering_update, work_enqueue,
};
use serde::Serialize;
use serde_json::{Value, json};

/// Creates (201) or changes (200) a peering.
pub(super) async fn put(call: Call) -> Answer {
    let Written { tx, peering, shown, changes } = write(&call).await?;
    tx.commit().await?;
    call.tagged(&peering.stamp, written(changes.created, shown))
}

/// Tells what a PUT of the same body would refuse, and what it would change; changes nothing.
pub(crate) async fn validate_only(call: Call) -> Answer {
    let Written { tx, changes, .. } = write(&call).await?;
    drop(tx);
    ok(changes)
}

/// A peering as it was written, in a transaction that isn't committed yet.
struct Written {
    tx: Tx,
    peering: Peering,
    shown: Shown,
    changes: Changes,
}

async fn write(call: &Call) -> Result<Written, ApiError> {
    let sent = call.json::<Sent>()?;
    let addresses = sent.addresses();
    let mut draft = sent.into_draft(call.param("peering"));
    check_kind(&draft)?;
    let inventory = inventory(call).await?;
    let mut tx = call.state.store.begin().await?;
    let existing = existing(call, &mut tx).await?;
    call.check_conditions(existing.as_ref().map(|(e, _)| &e.stamp))?;
    let asn = resolve(call, &mut tx, &draft).await?;
    let (spec, connections) =
        check(call, &mut tx, &mut draft, &addresses, &inventory, asn, existing.as_ref()).await?;
    let (peering, changes) = match existing {
        None => create(call, &mut tx, spec, &connections).await?,
        Some((peering, had)) => {
            let changes = reconcile(call, &mut tx, &peering, had, connections, &draft).await?;
            (update(call, &mut tx, peering, spec, &changes).await?, changes)
        }
    };
    let mut detail = json!({ "asn": peering.spec.asn, "location": peering.spec.location });
    if let (Some(detail), Value::Object(changed)) = (detail.as_object_mut(), json!(changes)) {
        detail.extend(changed);
    }
    call.audit(&mut tx, "peerings/write", &id(&peering), detail).await?;
    work_enqueue(&mut tx, WorkKind::Peering, &peering.id.to_string(), call.now).await?;
    let shown = show(&mut tx, peering.clone()).await?;
    Ok(Written { tx, peering, shown, changes })
}

/// The peering as it is, locked, with its connections; those being removed are among them.
async fn existing(call: &Call, tx: &mut Tx) -> Result<Option<(Peering, Vec<Connection>)>, ApiError> {
    let name = call.param("peering");
    let found = peering_get(tx, call.subscription(), call.resource_group(), name).await?;
    let Some(found) = found else { return Ok(None) };
    let (peering, connections) = peering_lock(tx, found.id).await?;
    if peering.deleting {
        let seconds = leaving::left_s(call, &connections);
        let message = format!(
            "the peering is being deleted and is gone in about {seconds} s: try again then, or choose another name"
        );
        return Err(ApiError::conflict("PeeringDeleting", message).retry_after(seconds));
    }
    Ok(Some((peering, connections)))
}

async fn resolve(call: &Call, tx: &mut Tx, draft: &PeeringDraft) -> Result<Option<ResolvedAsn>, ApiError> {
    let id = draft.peer_asn_id.as_deref().unwrap_or("");
    let Some(name) = peer_asn_name(id, call.subscription()) else {
        return Ok(None);
    };
    let found = peer_asn_get(tx, call.subscription(), name).await?;
    Ok(found.map(|p| ResolvedAsn { name: p.name, asn: p.spec.asn, state: p.state }))
}

/// Every rule of `docs/rules.md` §2, those about changes included, told at once.
async fn check(
    call: &Call,
    tx: &mut Tx,
    draft: &mut PeeringDraft,
    addresses: &[[Option<String>; 4]],
    inventory: &Inventory,
    asn: Option<ResolvedAsn>,
    existing: Option<&(Peering, Vec<Connection>)>,
) -> Result<(PeeringSpec, Vec<ConnectionSpec>), ApiError> {
    let mut v = Violations::default();
    let connections: &[Connection] = existing.map_or(&[], |(_, all)| all);
    let (leaving, staying): (Vec<&Connection>, Vec<&Connection>) =
        connections.iter().partition(|c| c.removal.is_some());
    let had: Vec<ExistingConnection> = staying
        .iter()
        .map(|c| ExistingConnection {
            spec: c.spec.clone(),
            prefixes: [
                c.subnet_v4.map(|s| s.prefix).or(c.spec.session_prefix_v4),
                c.subnet_v6.map(|s| s.prefix).or(c.spec.session_prefix_v6),
            ],
        })
        .collect();
    if let Some((peering, _)) = existing {
        // Left out, it stays: older versions have no word for some.
        draft.direct_peering_type.get_or_insert_with(|| offering_name(peering.spec.offering).to_owned());
    }
    adopt_identifiers(&had, &mut draft.connections);
    check_changes(&had, &mut draft.connections, &mut v);
    check_addresses(addresses, &had, &draft.connections, &mut v);
    held::check_bandwidth(&staying, &draft.connections, &mut v);
    held::check_subnets(call, tx, &staying, draft, asn.as_ref(), &mut v).await?;
    held::check_legacy(inventory, asn.as_ref(), &staying, draft, &mut v);
    if let Some((peering, _)) = existing {
        held::check_removals(tx, peering, &staying, &draft.connections, &mut v).await?;
    }
    for (i, draft) in draft.connections.iter().enumerate() {
        let identifier = draft.identifier.as_deref().unwrap_or("");
        if leaving.iter().any(|c| c.spec.identifier.eq_ignore_ascii_case(identifier)) {
            v.add(
                "ConnectionBeingRemoved",
                format!("properties.direct.connections[{i}].connectionIdentifier"),
                "this connection is being removed; leave its identifier out to ask for a new one",
            );
        }
    }
    let context = ValidateContext { inventory, asn, existing: existing.map(|(p, _)| (p, had.as_slice())) };
    let result = validate(draft, &context, &mut || uuid::Uuid::new_v4().to_string());
    match result {
        Ok(specs) => Ok(v.into_result(specs)?),
        Err(more) => {
            v.0.extend(more.0);
            Err(v.into())
        }
    }
}

async fn create(
    call: &Call,
    tx: &mut Tx,
    spec: PeeringSpec,
    connections: &[ConnectionSpec],
) -> Result<(Peering, Changes), ApiError> {
    let new = Peering {
        id: 0,
        subscription: call.subscription().to_owned(),
        resource_group: call.resource_group().to_owned(),
        name: call.param("peering").to_owned(),
        spec,
        deleting: false,
        stamp: call.stamp(),
    };
    resource_manager::ensure(call, tx, &new.spec.region).await?;
    let peering = match peering_insert(tx, &new, connections).await {
        Ok((peering, _)) => peering,
        Err(e) => return Err(leaving::refuse(call, tx, e).await),
    };
    let added = connections.iter().map(|c| c.identifier.clone()).collect();
    Ok((peering, Changes { created: true, added, ..Changes::default() }))
}

async fn update(
    call: &Call,
    tx: &mut Tx,
    mut peering: Peering,
    spec: PeeringSpec,
    changes: &Changes,
) -> Result<Peering, ApiError> {
    if peering.spec == spec && changes.are_none() {
        return Ok(peering);
    }
    peering.spec = spec;
    peering.stamp.change(&call.principal.name, call.now);
    peering_update(tx, &peering).await.map_err(|e| call.refuse(e))?;
    Ok(peering)
}

/// What a request changed: identifiers of connections.
#[derive(Default, Serialize)]
struct Changes {
    created: bool,
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
}

impl Changes {
    fn are_none(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

/// Writes connections until they are those that were sent. One that isn't sent any more is taken
/// away step by step (`docs/rules.md` §3); one that was refused and is sent again asks again, and so does
/// one that is sent otherwise before its approval is executed.
async fn reconcile(
    call: &Call,
    tx: &mut Tx,
    peering: &Peering,
    had: Vec<Connection>,
    specs: Vec<ConnectionSpec>,
    draft: &PeeringDraft,
) -> Result<Changes, ApiError> {
    let mut changes = Changes::default();
    let mut left: Vec<Connection> = had.into_iter().filter(|c| c.removal.is_none()).collect();
    for (spec, draft) in specs.into_iter().zip(&draft.connections) {
        let identifier = spec.identifier.clone();
        let place = left.iter().position(|c| c.spec.identifier == identifier);
        let Some(i) = place else {
            connection_insert(tx, peering.id, &spec, call.now).await.map_err(|e| call.refuse(e))?;
            changes.added.push(identifier);
            continue;
        };
        let mut connection = left.swap_remove(i);
        let (key, spec) = (spec.md5_key.clone(), ConnectionSpec { md5_key: None, ..spec });
        let refused = is_refused(&connection);
        let differs = connection.spec != spec;
        if draft.md5_key.is_some() || differs || refused {
            changes.changed.push(identifier);
        }
        connection.spec = spec;
        // A decision is about what was seen, and isn't executed yet.
        let unseen = differs && connection.state == ConnectionState::Onboarding(Stage::PendingApproval);
        if refused || unseen {
            connection.decision = None;
        }
        connection_update(tx, &connection).await?;
        match (&key, &draft.md5_key) {
            (Some(key), _) => md5_key_put(tx, connection.id, key).await?,
            // An empty key takes it away; none at all leaves it, since it can't be read back.
            (None, Some(_)) => md5_key_delete(tx, connection.id).await?,
            (None, None) => {}
        }
    }
    for mut connection in left {
        changes.removed.push(connection.spec.identifier.clone());
        connection.removal = Some(Removal { step: first_step(&connection), since: call.now });
        connection_update(tx, &connection).await?;
    }
    Ok(changes)
}

/// True when a no was executed: the connection waits for nothing but being asked for again.
fn is_refused(c: &Connection) -> bool {
    c.state == ConnectionState::ProvisioningFailed(Stage::PendingApproval)
        && c.decision.as_ref().is_some_and(|d| !d.approved)
}
