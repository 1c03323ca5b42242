//! Taking a connection away: drain, close, free (`docs/rules.md` §3).

use super::Timing;
use super::peering::Effect;
use super::validation::Observed;
use crate::connection::{Connection, Removal, RemovalStep};
use crate::link::BgpState;
use jiff::{SignedDuration, Timestamp};

/// Where a removal begins: an open connection is drained first; one that never carried traffic
/// has nothing to drain.
pub fn first_step(connection: &Connection) -> RemovalStep {
    if connection.state.is_open() {
        RemovalStep::Draining
    } else if connection.sessions().next().is_some() {
        RemovalStep::Closing
    } else {
        RemovalStep::Freeing
    }
}

/// The longest that [`left`] says of a connection whose router doesn't let go of it, in seconds.
const MOST_FREEING_S: i64 = 300;

/// How long it takes from `now` on until connections being taken away are gone, as far as that is known:
/// routers may need longer. One that waits for its router to be free of it is given as long again as it has
/// waited, up to five minutes. At least a second.
pub fn left(connections: &[Connection], timing: &Timing, now: Timestamp) -> SignedDuration {
    let ends = connections.iter().filter_map(|c| c.removal).map(|removal| match removal.step {
        RemovalStep::Draining => removal.since + timing.drain + timing.close,
        RemovalStep::Closing => removal.since + timing.close,
        RemovalStep::Freeing => {
            let waited = now.duration_since(removal.since);
            now + waited.clamp(SignedDuration::ZERO, SignedDuration::from_secs(MOST_FREEING_S))
        }
    });
    let last = ends.max().unwrap_or(now);
    last.duration_since(now).max(SignedDuration::ZERO) + SignedDuration::from_secs(1)
}

/// The next step of a removal under way.
pub(super) fn plan(
    connection: &Connection,
    removal: Removal,
    observed: &Observed,
    timing: &Timing,
    now: Timestamp,
) -> Vec<Effect> {
    let id = connection.id;
    let established = observed.sessions.values().any(|s| s.bgp == BgpState::Established);
    match removal.step {
        RemovalStep::Draining => {
            let due = removal.since + timing.drain;
            if now >= due || (!established && !observed.sessions.is_empty()) {
                vec![Effect::Remove { connection: id, step: RemovalStep::Closing }]
            } else {
                vec![Effect::WakeAt(due)]
            }
        }
        RemovalStep::Closing => {
            let due = removal.since + timing.close;
            if now >= due {
                vec![Effect::Remove { connection: id, step: RemovalStep::Freeing }]
            } else {
                vec![Effect::WakeAt(due)]
            }
        }
        // Freed only once the router is seen without it: addresses still configured may not be
        // given to anybody. A connection that never had ports isn't on any router.
        RemovalStep::Freeing => {
            let clean =
                observed.reachable == Some(true) && observed.lag.is_none() && observed.sessions.is_empty();
            if connection.ports.is_none() || clean {
                vec![Effect::Forget { connection: id }]
            } else {
                Vec::new()
            }
        }
    }
}
