//! `POST …/lookingGlass`: a look from an edge router, asked live.
//!
//! Every argument is parsed into a type of its own before anything is asked; what a router gets is
//! an address or a prefix, never a text of the caller's. The host's inside can't be looked at.

use super::inventory;
use crate::call::{Answer, Call, ok};
use crate::error::{ApiError, echoed};
use meetme_model::Violations;
use meetme_model::connectivity_probe::regions;
use meetme_model::destination::{DestinationError, look_address, look_prefix};
use meetme_model::inventory::{Inventory, Router};
use meetme_model::link::{EdgeAnswer, EdgeQuery};
use meetme_model::probe::LookingGlass;
use meetme_model::region::same_region;
use meetme_store::{Db, router_state_get};
use serde::Serialize;

/// The answer.
#[derive(Serialize)]
struct Shown {
    command: &'static str,
    output: String,
}

#[derive(Clone, Copy)]
enum Command {
    Traceroute,
    Ping,
    BgpRoute,
}

impl Command {
    fn name(self) -> &'static str {
        match self {
            Self::Traceroute => "Traceroute",
            Self::Ping => "Ping",
            Self::BgpRoute => "BgpRoute",
        }
    }

    fn look(self, text: &str, inventory: &Inventory) -> Result<LookingGlass, DestinationError> {
        match self {
            Self::Traceroute => look_address(text, inventory).map(LookingGlass::Traceroute),
            Self::Ping => look_address(text, inventory).map(LookingGlass::Ping),
            Self::BgpRoute => look_prefix(text, inventory).map(LookingGlass::BgpRoute),
        }
    }
}

/// Looks, and answers what the router shows.
pub(super) async fn post(call: Call) -> Answer {
    let inventory = inventory(&call).await?;
    let mut v = Violations::default();
    let command = command(&call, &mut v);
    let routers = source(&call, &inventory, &mut v);
    let look = destination(&call, command, &inventory, &mut v);
    v.into_result(())?;
    let (Some(command), Some(look)) = (command, look) else {
        return Err(ApiError::internal("a look passed without being one"));
    };
    let router = {
        let mut db = call.state.store.read().await?;
        reachable(&mut db, &routers).await?
    };
    let query = EdgeQuery::LookingGlass { router: router.clone(), look };
    let answer = (call.state.queries)(router.clone(), query)
        .await
        .map_err(|e| ApiError::edge_unavailable(&format!("{router}: {e}")))?;
    let EdgeAnswer::LookingGlass { output } = answer else {
        return Err(ApiError::internal("an edge answered another question"));
    };
    ok(Shown { command: command.name(), output })
}

fn given<'a>(call: &'a Call, name: &str) -> &'a str {
    call.query(name).unwrap_or("").trim()
}

fn command(call: &Call, v: &mut Violations) -> Option<Command> {
    let text = given(call, "command");
    let all = [Command::Traceroute, Command::Ping, Command::BgpRoute];
    let found = all.into_iter().find(|c| c.name().eq_ignore_ascii_case(text));
    if found.is_none() {
        let what = format!("'{}' isn't a command here; use Traceroute, Ping or BgpRoute", echoed(text));
        v.add("CommandInvalid", "command", what);
    }
    found
}

fn destination(
    call: &Call,
    command: Option<Command>,
    inventory: &Inventory,
    v: &mut Violations,
) -> Option<LookingGlass> {
    let text = given(call, "destinationIP");
    if text.is_empty() {
        v.add("DestinationRequired", "destinationIP", "the destination is missing; send an IP address");
        return None;
    }
    // Without a command the destination is still held against the rules of the widest one.
    match command.unwrap_or(Command::BgpRoute).look(text, inventory) {
        Ok(look) => Some(look),
        Err(e) => {
            v.add(e.code(), "destinationIP", e.to_string());
            None
        }
    }
}

/// The routers at the place that is asked for; none of them when the place is refused.
fn source<'a>(call: &Call, inventory: &'a Inventory, v: &mut Violations) -> Vec<&'a Router> {
    let place = given(call, "sourceLocation");
    let kind = given(call, "sourceType");
    let at_location =
        |r: &Router| inventory.location_of(r).is_some_and(|l| l.name.eq_ignore_ascii_case(place));
    let in_region = |r: &Router| inventory.location_of(r).is_some_and(|l| same_region(&l.region, place));
    let (routers, there): (Vec<&Router>, Vec<&str>) = if kind.eq_ignore_ascii_case("EdgeSite") {
        let at_site = |r: &&Router| r.site.eq_ignore_ascii_case(place) || at_location(r);
        (
            inventory.routers.iter().filter(at_site).collect(),
            inventory.sites.iter().map(|s| s.name.as_str()).collect(),
        )
    } else if kind.eq_ignore_ascii_case("AzureRegion") {
        let there = |r: &&Router| in_region(r) || at_location(r);
        (inventory.routers.iter().filter(there).collect(), regions(inventory))
    } else {
        let what = format!("'{}' isn't a type of source; use EdgeSite or AzureRegion", echoed(kind));
        v.add("SourceTypeInvalid", "sourceType", what);
        return Vec::new();
    };
    if routers.is_empty() {
        let what = format!("no router looks from '{}'; there are {}", echoed(place), there.join(", "));
        v.add("SourceLocationUnknown", "sourceLocation", what);
    }
    routers
}

/// The first router that its edge could read last.
async fn reachable(db: &mut impl Db, routers: &[&Router]) -> Result<String, ApiError> {
    for router in routers {
        let state = router_state_get(db, &router.name).await?;
        if state.is_some_and(|s| s.reachable) {
            return Ok(router.name.clone());
        }
    }
    Err(ApiError::edge_unavailable("no router at this place can be reached"))
}
