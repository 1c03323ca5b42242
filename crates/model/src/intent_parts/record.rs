//! Units as they are written: like their intents, with references in the place of what is shared.

use super::{Assembly, Digest, List, PartsError, References, Shared};
use crate::asn::Asn;
use crate::community::Community;
use crate::intent::*;
use crate::route::SessionPolicy;
use crate::secret::NamedSecret;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct UnitRecord {
    lags: Vec<LagIntent>,
    sessions: Vec<SessionRecord>,
    ibgp: Vec<IbgpNeighbor>,
    transits: Vec<TransitRecord>,
    bmp: Option<SocketAddr>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SessionRecord {
    name: String,
    description: String,
    lag: String,
    local_address: IpAddr,
    peer_address: IpAddr,
    bfd: BfdTimers,
    md5_key: Option<String>,
    max_prefixes: u32,
    phase: SessionPhase,
    voice: bool,
    policy: PolicyRecord,
}

#[derive(Debug, Serialize, Deserialize)]
struct PolicyRecord {
    host_asn: Asn,
    peer_asn: Asn,
    route_server: bool,
    behind: Digest,
    next_hop: IpAddr,
    host_space: Digest,
    max_length: u8,
    registration_required: bool,
    ordinary_used: bool,
    community: Option<Community>,
    long_prefix_max_path: u8,
    max_path: Option<u8>,
    prefixes: Digest,
    space: Digest,
}

#[derive(Debug, Serialize, Deserialize)]
struct TransitRecord {
    name: String,
    address: IpAddr,
    asn: Asn,
    host_space: Digest,
    space: Digest,
}

impl UnitRecord {
    pub fn of(unit: &RouterIntent, shared: &mut Shared) -> Self {
        Self {
            lags: unit.lags.clone(),
            sessions: unit.sessions.iter().map(|s| SessionRecord::of(s, shared)).collect(),
            ibgp: unit.ibgp.clone(),
            transits: unit.transits.iter().map(|t| TransitRecord::of(t, shared)).collect(),
            bmp: unit.bmp,
        }
    }

    /// Adds it to a snapshot.
    pub fn add_to(&self, intent: &mut RouterIntent, parts: &Assembly) -> Result<(), PartsError> {
        intent.lags.extend(self.lags.iter().cloned());
        intent.ibgp.extend(self.ibgp.iter().cloned());
        intent.bmp = intent.bmp.or(self.bmp);
        for session in &self.sessions {
            intent.sessions.push(session.whole(parts)?);
        }
        for transit in &self.transits {
            intent.transits.push(transit.whole(parts)?);
        }
        Ok(())
    }

    pub fn references(&self) -> References {
        let mut references = References::default();
        for session in &self.sessions {
            let policy = &session.policy;
            let lists = [&policy.behind, &policy.host_space, &policy.prefixes, &policy.space];
            references.lists.extend(lists.into_iter().cloned());
            references.keys.extend(session.md5_key.clone());
        }
        for transit in &self.transits {
            references.lists.extend([transit.host_space.clone(), transit.space.clone()]);
        }
        references
    }
}

impl SessionRecord {
    fn of(session: &SessionIntent, shared: &mut Shared) -> Self {
        let SessionIntent {
            name,
            description,
            lag,
            local_address,
            peer_address,
            bfd,
            md5_key,
            max_prefixes,
            phase,
            voice,
            policy,
        } = session;
        if let Some(key) = md5_key {
            shared.keys.insert(key.name.clone(), key.secret.clone());
        }
        Self {
            name: name.clone(),
            description: description.clone(),
            lag: lag.clone(),
            local_address: *local_address,
            peer_address: *peer_address,
            bfd: *bfd,
            md5_key: md5_key.as_ref().map(|key| key.name.clone()),
            max_prefixes: *max_prefixes,
            phase: *phase,
            voice: *voice,
            policy: PolicyRecord::of(policy, shared),
        }
    }

    fn whole(&self, parts: &Assembly) -> Result<SessionIntent, PartsError> {
        let md5_key = match &self.md5_key {
            Some(name) => Some(NamedSecret { name: name.clone(), secret: parts.key(name)? }),
            None => None,
        };
        Ok(SessionIntent {
            name: self.name.clone(),
            description: self.description.clone(),
            lag: self.lag.clone(),
            local_address: self.local_address,
            peer_address: self.peer_address,
            bfd: self.bfd,
            md5_key,
            max_prefixes: self.max_prefixes,
            phase: self.phase,
            voice: self.voice,
            policy: self.policy.whole(parts)?,
        })
    }
}

impl PolicyRecord {
    fn of(policy: &SessionPolicy, shared: &mut Shared) -> Self {
        let SessionPolicy {
            host_asn,
            peer_asn,
            route_server,
            behind,
            next_hop,
            host_space,
            max_length,
            registration_required,
            ordinary_used,
            community,
            long_prefix_max_path,
            max_path,
            prefixes,
            space,
        } = policy;
        Self {
            host_asn: *host_asn,
            peer_asn: *peer_asn,
            route_server: *route_server,
            behind: shared.list(List::Asns(behind.clone())),
            next_hop: *next_hop,
            host_space: shared.list(List::Prefixes(host_space.clone())),
            max_length: *max_length,
            registration_required: *registration_required,
            ordinary_used: *ordinary_used,
            community: *community,
            long_prefix_max_path: *long_prefix_max_path,
            max_path: *max_path,
            prefixes: shared.list(List::Registered(prefixes.clone())),
            space: shared.list(List::Space(space.clone())),
        }
    }

    fn whole(&self, parts: &Assembly) -> Result<SessionPolicy, PartsError> {
        Ok(SessionPolicy {
            host_asn: self.host_asn,
            peer_asn: self.peer_asn,
            route_server: self.route_server,
            behind: parts.asns(&self.behind)?,
            next_hop: self.next_hop,
            host_space: parts.prefixes(&self.host_space)?,
            max_length: self.max_length,
            registration_required: self.registration_required,
            ordinary_used: self.ordinary_used,
            community: self.community,
            long_prefix_max_path: self.long_prefix_max_path,
            max_path: self.max_path,
            prefixes: parts.registered(&self.prefixes)?,
            space: parts.space(&self.space)?,
        })
    }
}

impl TransitRecord {
    fn of(transit: &TransitIntent, shared: &mut Shared) -> Self {
        let TransitIntent { name, address, asn, host_space, space } = transit;
        Self {
            name: name.clone(),
            address: *address,
            asn: *asn,
            host_space: shared.list(List::Prefixes(host_space.clone())),
            space: shared.list(List::Space(space.clone())),
        }
    }

    fn whole(&self, parts: &Assembly) -> Result<TransitIntent, PartsError> {
        Ok(TransitIntent {
            name: self.name.clone(),
            address: self.address,
            asn: self.asn,
            host_space: parts.prefixes(&self.host_space)?,
            space: parts.space(&self.space)?,
        })
    }
}
