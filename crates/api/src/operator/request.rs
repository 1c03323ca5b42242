//! `GET /api/v1/connections/{connection}`: one connection with all checks of it; and `…/preview`:
//! what its approval would change on its router, asked live. Nothing is changed.
//!
//! The preview runs the planner itself on copies of the records, so it says what would happen and
//! not what somebody thinks would.

use super::decide::{connection_number, is_open_to};
use super::preview::{Step, World};
use super::waiting::{Checked, Waiting};
use crate::arm::peerings::provider_name;
use crate::call::{Answer, Call, ok};
use crate::conditions::with_etag;
use crate::error::ApiError;
use meetme_model::Prefix;
use meetme_model::connection::Connection;
use meetme_model::revision::Revision;
use meetme_store::{Db, connection_by_id};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(flatten)]
    waiting: Waiting,
    connection_identifier: String,
    connection_state: &'static str,
    /// Who gives the session addresses: `Microsoft` (the host) or `Peer`.
    session_address_provider: &'static str,
    /// The subnets that the peer gave: what an approval puts on a router of the host's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    session_prefixes_given_by_peer: Vec<Prefix>,
    max_prefixes_advertised_v4: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_prefixes_advertised_v6: Option<u32>,
}

#[derive(Serialize)]
struct Preview {
    steps: Vec<Step>,
    /// Why an approval leads no further.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Answers one connection.
pub(super) async fn get(call: Call) -> Answer {
    let inventory = crate::arm::inventory(&call).await?;
    let mut db = call.state.store.read().await?;
    let c = find(&call, &mut db).await?;
    let (id, state, spec) = (c.spec.identifier.clone(), c.state.wire_name(), c.spec.clone());
    let revision = Revision::of_connection(&c);
    let waiting = Checked::read(&mut db, &inventory).await?.connection(&mut db, c, call.now).await?;
    let waiting = waiting.ok_or_else(|| unknown(&call))?;
    let request = Request {
        waiting,
        connection_identifier: id,
        connection_state: state,
        session_address_provider: provider_name(spec.address_provider),
        session_prefixes_given_by_peer: spec.given_prefixes().collect(),
        max_prefixes_advertised_v4: spec.max_prefixes_v4,
        max_prefixes_advertised_v6: spec.max_prefixes_v6,
    };
    with_etag(&revision, ok(request))
}

/// Answers what an approval would change.
pub(super) async fn preview(call: Call) -> Answer {
    let inventory = crate::arm::inventory(&call).await?;
    let (mut world, id) = {
        let mut db = call.state.store.read().await?;
        let c = find(&call, &mut db).await?;
        if !is_open_to(&c, true) {
            return Err(ApiError::conflict(
                "DecisionNotAwaited",
                format!("connection {} is in state {} and awaits no approval", c.name, c.state.wire_name()),
            ));
        }
        (World::read(&mut db, &inventory, &c).await?, c.id)
    };
    world.approve(id, &call.principal.name, call.now);
    let mut steps = Vec::new();
    for when in ["approved", "lagUp"] {
        if when == "lagUp" {
            world.light_up(id);
        }
        world.settle(call.now)?;
        let Some(intent) = world.intent(id) else { break };
        steps.push(world.step(when, id, intent, &call.state.queries).await);
    }
    ok(Preview { message: world.message(id), steps })
}

async fn find(call: &Call, db: &mut impl Db) -> Result<Connection, ApiError> {
    let number = connection_number(call.param("connection")).ok_or_else(|| unknown(call))?;
    connection_by_id(db, number).await?.ok_or_else(|| unknown(call))
}

fn unknown(call: &Call) -> ApiError {
    ApiError::not_found("connection", call.param("connection"))
}
