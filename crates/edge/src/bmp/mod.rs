//! BMP station (RFC 7854; peer types of RFC 8671 and RFC 9069 are tolerated and skipped): one TCP
//! connection per router, the pre-policy Adj-RIB-In of every configured session, and a verdict on
//! each route by [`meetme_model::route::judge`].
//!
//! Octets become [`decode::Message`]s in [`decode`], which reads of an UPDATE whatever can be read
//! ([`update`]); [`router`] is a state machine that is handed messages and times; the routes of a
//! router's sessions stand in one [`rib`], judged ([`judging`]) and counted ([`tally`]) session by
//! session ([`adj_rib_in`]); [`session`] says whether they can be trusted; [`station`] owns sockets
//! and tasks. Nothing here talks back to a router (BMP is one way), stores anything, or holds a lock
//! across an await.
//!
//! What FRR does differently from the RFC is handled in [`router`] and told in
//! [`router::Router`]'s documentation.

mod adj_rib_in;
mod as_path;
mod decode;
mod frame;
mod intern;
mod judging;
mod notification;
mod open;
mod origins;
mod packed;
mod query;
mod rib;
mod router;
mod session;
mod station;
mod tally;
mod update;

#[cfg(test)]
mod tests;

pub use station::Station;

use meetme_model::link::SessionRoutes;
use meetme_model::route::SessionPolicy;
use std::net::IpAddr;

/// A router that may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StationRouter {
    /// Its name in the inventory.
    pub name: String,
    /// The address that its BMP connection comes from; connections from others are refused.
    pub bmp_source: IpAddr,
}

/// A session whose routes are kept and judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StationSession {
    /// Its name, unique on the router.
    pub name: String,
    /// The peer's address, by which BMP tells sessions apart.
    pub peer_address: IpAddr,
    /// What its routes are judged by.
    pub policy: SessionPolicy,
}

/// What the station tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StationEvent {
    /// A session's whole summary, because something in it changed.
    Routes(SessionRoutes),
    /// The router says that the session is Established.
    PeerUp {
        /// The router.
        router: String,
        /// The session's name.
        session: String,
    },
    /// The router says that the session is down.
    PeerDown {
        /// The router.
        router: String,
        /// The session's name.
        session: String,
        /// Why, as the router tells.
        reason: String,
    },
    /// A session's routes are in doubt, and only the router can tell them anew. Whoever can make it
    /// so calls [`Station::refresh`] and has the router run the session's received routes through its
    /// policy again (FRR: `clear bgp … soft in`), which repeats them by BMP and disturbs nobody.
    /// Repeated, less and less often, while the doubt lasts.
    RefreshWanted {
        /// The router.
        router: String,
        /// The session's name.
        session: String,
        /// The peer's address, by which the router knows the session.
        peer_address: IpAddr,
    },
    /// A router's BMP connection is up.
    Connected {
        /// The router.
        router: String,
    },
    /// A router's BMP connection is gone.
    Disconnected {
        /// The router.
        router: String,
    },
}
