//! Which session addresses a connection gets: the peer's own, or the next free ones of a pool.

use super::Effect;
use super::steps::Step;
use crate::allocation::{SubnetUse, allocate_subnet};
use crate::connection::{Connection, SessionSubnet};
use crate::peer_asn::AsnState;
use crate::peering::AddressProvider;
use crate::prefix::Prefix;
use crate::session_space;

impl Step<'_> {
    /// Subnets that the connection lacks: IPv4 always, IPv6 when it was asked for and there is a pool.
    pub(super) fn allocate(&mut self, connection: &Connection) -> Result<Vec<Effect>, String> {
        let spec = &connection.spec;
        let wanted = [
            (true, connection.subnet_v4.is_none(), spec.session_prefix_v4),
            (
                false,
                connection.subnet_v6.is_none()
                    && (spec.max_prefixes_v6.is_some() || spec.session_prefix_v6.is_some()),
                spec.session_prefix_v6,
            ),
        ];
        let mut effects = Vec::new();
        for (v4, missing, given) in wanted {
            if !missing {
                continue;
            }
            let subnet = match spec.address_provider {
                AddressProvider::Peer => self.given_subnet(given)?,
                AddressProvider::Host => self.pooled_subnet(v4)?,
            };
            if let Some(subnet) = subnet {
                self.subnets.push(SubnetUse { prefix: subnet.prefix, freed_at: None });
                effects.push(Effect::Allocate { connection: connection.id, subnet });
            }
        }
        Ok(effects)
    }

    /// The peer's own subnet, unless it can't be a session's by now: since it was sent, the inventory
    /// and other networks' sessions and registrations may have changed. It rests for nobody: it isn't ours.
    fn given_subnet(&self, given: Option<Prefix>) -> Result<Option<SessionSubnet>, String> {
        let Some(prefix) = given else { return Ok(None) };
        let mut faults: Vec<String> =
            session_space::faults(prefix, self.input.inventory).iter().map(ToString::to_string).collect();
        if self.is_taken(prefix) {
            faults.push(format!("{prefix} is {}", session_space::TAKEN));
        }
        match faults.is_empty() {
            true => Ok(SessionSubnet::of(prefix)),
            false => Err(format!(
                "{}; add a connection with another subnet and remove this one",
                faults.join("; ")
            )),
        }
    }

    fn is_taken(&self, given: Prefix) -> bool {
        let peering = self.input.peering;
        let asn = self.input.asn.filter(|a| a.state == AsnState::Approved).map(|a| a.spec.asn);
        self.subnets.iter().any(|u| u.freed_at.is_none() && u.prefix.overlaps(given))
            || self.input.inventory.legacy_sessions_with(given).any(|s| Some(s.asn) != asn)
            || self.input.registrations.iter().any(|r| r.keeps_away(given, &peering.subscription, asn))
    }

    fn pooled_subnet(&self, v4: bool) -> Result<Option<SessionSubnet>, String> {
        let location = &self.input.peering.spec.location;
        let mut pools = self
            .input
            .inventory
            .pools
            .iter()
            .filter(|p| p.location == *location && p.prefix.is_ipv4() == v4)
            .peekable();
        // A host without an IPv6 pool offers no IPv6 sessions; IPv4 it must have.
        if pools.peek().is_none() && !v4 {
            return Ok(None);
        }
        pools.find_map(|p| allocate_subnet(p, &self.subnets, self.now)).map(Some).ok_or_else(|| {
            format!("no session addresses are left in {location}; add an address pool to the inventory")
        })
    }
}
