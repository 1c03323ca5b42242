//! A router's snapshot in parts, as the store keeps it and as it travels to an edge
//! (`docs/ARCHITECTURE.md`, the link).
//!
//! A unit refers to the lists that it shares with others (prefixes, ASNs) by their digests, and to keys by
//! their names. So nothing is said twice, no part grows with the number of sessions, and only what changed has to be
//! sent. The digest of the whole tells whether all parts are there.

mod record;

use crate::asn::{Asn, PublicSpace};
use crate::intent::RouterIntent;
use crate::prefix::Prefix;
use crate::route::PrefixPolicy;
use crate::secret::Secret;
use crate::unit::{UnitName, units};
use record::UnitRecord;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// SHA-256 of a text, in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    pub(crate) fn of(text: &str) -> Self {
        Self(Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect())
    }

    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Digest {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A part as JSON, named by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Of `text`.
    pub digest: Digest,
    /// The part.
    pub text: String,
}

impl Document {
    fn of(part: &impl Serialize) -> Self {
        let text = serde_json::to_string(part).expect("maps in it have text for keys");
        Self { digest: Digest::of(&text), text }
    }

    fn read<T: DeserializeOwned>(&self) -> Result<T, PartsError> {
        if Digest::of(&self.text) != self.digest {
            return Err(PartsError::Damaged { digest: self.digest.clone() });
        }
        serde_json::from_str(&self.text)
            .map_err(|e| PartsError::Unreadable { digest: self.digest.clone(), reason: e.to_string() })
    }
}

/// A list that parts share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum List {
    Prefixes(Arc<[Prefix]>),
    Registered(Arc<[PrefixPolicy]>),
    Asns(Arc<[Asn]>),
    Space(Arc<PublicSpace>),
}

/// What a snapshot has besides its units.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntentHead {
    /// The router.
    pub router: String,
    /// See [`RouterIntent::generation`].
    pub generation: u64,
    /// The router's own values.
    pub own: RouterOwn,
    /// Of everything but the generation.
    pub digest: Digest,
}

impl IntentHead {
    fn new(router: String, own: RouterOwn, units: &BTreeMap<UnitName, Document>) -> Self {
        let units = units.iter().map(|(name, unit)| (name, &unit.digest));
        Self { digest: digest(&router, &own, units), router, generation: 0, own }
    }
}

/// What every unit of a router builds on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterOwn {
    /// See [`RouterIntent::asn`].
    pub asn: Asn,
    /// See [`RouterIntent::router_id`].
    pub router_id: Ipv4Addr,
    /// See [`RouterIntent::loopback`].
    pub loopback: IpAddr,
    /// See [`RouterIntent::loopback_v6`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loopback_v6: Option<Ipv6Addr>,
    /// The list of [`RouterIntent::announced`].
    pub announced: Digest,
}

fn digest<'a>(
    router: &str,
    own: &RouterOwn,
    units: impl Iterator<Item = (&'a UnitName, &'a Digest)>,
) -> Digest {
    let mut whole = Document::of(&(router, own)).text;
    for (name, digest) in units {
        whole.extend(["\n", &name.to_string(), " ", digest.as_str()]);
    }
    Digest::of(&whole)
}

/// One part on its way to an edge.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum IntentPart {
    /// A list that units refer to.
    List {
        /// The list.
        document: Document,
    },
    /// A key that a unit refers to.
    Key {
        /// What it is referred to by.
        name: String,
        /// Its value.
        key: Secret,
    },
    /// A unit.
    Unit {
        /// Its name.
        name: UnitName,
        /// Its newest form; `None`: there is no such unit any more.
        document: Option<Document>,
    },
}

/// A snapshot as a head and all parts that it needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IntentParts {
    /// What ties the parts together.
    pub head: IntentHead,
    /// By name.
    pub units: BTreeMap<UnitName, Document>,
    /// By digest.
    pub lists: BTreeMap<Digest, Document>,
    /// By name.
    pub keys: BTreeMap<String, Secret>,
}

impl IntentParts {
    /// Takes a snapshot apart. Nothing of it is lost but the order of LAGs and sessions.
    pub fn of(intent: &RouterIntent) -> Self {
        let mut shared = Shared::default();
        let mut documents = BTreeMap::new();
        for (name, unit) in units(intent) {
            documents.insert(name, Document::of(&UnitRecord::of(&unit.intent, &mut shared)));
        }
        let own = RouterOwn {
            asn: intent.asn,
            router_id: intent.router_id,
            loopback: intent.loopback,
            loopback_v6: intent.loopback_v6,
            announced: shared.list(List::Prefixes(intent.announced.clone())),
        };
        let mut head = IntentHead::new(intent.router.clone(), own, &documents);
        head.generation = intent.generation;
        Self { head, units: documents, lists: shared.lists, keys: shared.keys }
    }

    /// Puts the snapshot together again.
    ///
    /// # Errors
    /// A part is missing, damaged, or not understood.
    pub fn whole(self) -> Result<RouterIntent, PartsError> {
        let mut assembly = Assembly::default();
        let (parts, head) = self.one_by_one();
        for part in parts {
            assembly.take(part)?;
        }
        assembly.whole(&head)
    }

    /// The parts as they travel, and the head that ends them.
    pub fn one_by_one(self) -> (impl Iterator<Item = IntentPart>, IntentHead) {
        let lists = self.lists.into_values().map(|document| IntentPart::List { document });
        let keys = self.keys.into_iter().map(|(name, key)| IntentPart::Key { name, key });
        let units = self.units.into_iter();
        let units = units.map(|(name, unit)| IntentPart::Unit { name, document: Some(unit) });
        (lists.chain(keys).chain(units), self.head)
    }
}

/// Collects what units share.
#[derive(Default)]
struct Shared {
    lists: BTreeMap<Digest, Document>,
    keys: BTreeMap<String, Secret>,
    /// Lists that were met before, by where they lie: most are one and the same.
    known: BTreeMap<(usize, usize), (List, Digest)>,
}

impl Shared {
    fn list(&mut self, list: List) -> Digest {
        let place = match &list {
            List::Prefixes(list) => (list.as_ptr().addr(), list.len()),
            List::Registered(list) => (list.as_ptr().addr(), list.len()),
            List::Asns(list) => (list.as_ptr().addr(), list.len()),
            List::Space(space) => (Arc::as_ptr(space).addr(), 1),
        };
        // What lies in a place is kept alive, so nothing else comes to lie there.
        if let Some((known, digest)) = self.known.get(&place)
            && std::mem::discriminant(known) == std::mem::discriminant(&list)
        {
            return digest.clone();
        }
        let document = Document::of(&list);
        let digest = document.digest.clone();
        self.known.insert(place, (list, digest.clone()));
        self.lists.entry(digest.clone()).or_insert(document);
        digest
    }
}

/// Parts of one router's snapshot do not make a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartsError {
    /// A list or key that a unit refers to wasn't sent.
    #[error("{what} is missing")]
    Missing {
        /// What.
        what: String,
    },
    /// A text and its digest differ.
    #[error("the part {digest} is damaged")]
    Damaged {
        /// Which.
        digest: Digest,
    },
    /// A part is of another release.
    #[error("the part {digest} isn't understood: {reason}")]
    Unreadable {
        /// Which.
        digest: Digest,
        /// What the reader said.
        reason: String,
    },
    /// The parts that are here aren't those that the whole is made of.
    #[error("the parts don't make the whole {digest}")]
    Mismatch {
        /// Of the whole.
        digest: Digest,
    },
}

/// What one unit refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Lists.
    pub lists: BTreeSet<Digest>,
    /// Names of keys.
    pub keys: BTreeSet<String>,
}

impl References {
    /// Reads them from a unit's document.
    ///
    /// # Errors
    /// The document is damaged or not understood.
    pub fn of(unit: &Document) -> Result<Self, PartsError> {
        Ok(unit.read::<UnitRecord>()?.references())
    }
}

/// Where an edge gathers the parts of one router's snapshot.
#[derive(Debug, Default)]
pub struct Assembly {
    units: BTreeMap<UnitName, (Digest, UnitRecord)>,
    lists: BTreeMap<Digest, List>,
    keys: BTreeMap<String, Secret>,
}

impl Assembly {
    /// Takes one part.
    ///
    /// # Errors
    /// It is damaged or not understood.
    pub fn take(&mut self, part: IntentPart) -> Result<(), PartsError> {
        match part {
            IntentPart::List { document } => {
                self.lists.insert(document.digest.clone(), document.read()?);
            }
            IntentPart::Key { name, key } => drop(self.keys.insert(name, key)),
            IntentPart::Unit { name, document: Some(document) } => {
                let record = document.read()?;
                self.units.insert(name, (document.digest, record));
            }
            IntentPart::Unit { name, document: None } => drop(self.units.remove(&name)),
        }
        Ok(())
    }

    /// The snapshot that the parts make. Lists and keys that it doesn't refer to are forgotten.
    ///
    /// # Errors
    /// The parts are others than those that `head` stands for.
    pub fn whole(&mut self, head: &IntentHead) -> Result<RouterIntent, PartsError> {
        let units = self.units.iter().map(|(name, (digest, _))| (name, digest));
        if digest(&head.router, &head.own, units) != head.digest {
            return Err(PartsError::Mismatch { digest: head.digest.clone() });
        }
        let mut needed = References { lists: [head.own.announced.clone()].into(), keys: BTreeSet::new() };
        for (_, record) in self.units.values() {
            let References { lists, keys } = record.references();
            needed.lists.extend(lists);
            needed.keys.extend(keys);
        }
        self.lists.retain(|digest, _| needed.lists.contains(digest));
        self.keys.retain(|name, _| needed.keys.contains(name));
        let mut intent = RouterIntent {
            router: head.router.clone(),
            generation: head.generation,
            asn: head.own.asn,
            router_id: head.own.router_id,
            loopback: head.own.loopback,
            loopback_v6: head.own.loopback_v6,
            lags: Vec::new(),
            sessions: Vec::new(),
            ibgp: Vec::new(),
            transits: Vec::new(),
            announced: self.prefixes(&head.own.announced)?,
            bmp: None,
        };
        for (_, record) in self.units.values() {
            record.add_to(&mut intent, self)?;
        }
        Ok(intent)
    }

    fn list(&self, digest: &Digest) -> Result<&List, PartsError> {
        let missing = || PartsError::Missing { what: format!("the list {digest}") };
        self.lists.get(digest).ok_or_else(missing)
    }

    fn prefixes(&self, digest: &Digest) -> Result<Arc<[Prefix]>, PartsError> {
        match self.list(digest)? {
            List::Prefixes(list) => Ok(list.clone()),
            _ => Err(wrong_kind(digest)),
        }
    }

    fn registered(&self, digest: &Digest) -> Result<Arc<[PrefixPolicy]>, PartsError> {
        match self.list(digest)? {
            List::Registered(list) => Ok(list.clone()),
            _ => Err(wrong_kind(digest)),
        }
    }

    fn asns(&self, digest: &Digest) -> Result<Arc<[Asn]>, PartsError> {
        match self.list(digest)? {
            List::Asns(list) => Ok(list.clone()),
            _ => Err(wrong_kind(digest)),
        }
    }

    fn space(&self, digest: &Digest) -> Result<Arc<PublicSpace>, PartsError> {
        match self.list(digest)? {
            List::Space(space) => Ok(space.clone()),
            _ => Err(wrong_kind(digest)),
        }
    }

    fn key(&self, name: &str) -> Result<Secret, PartsError> {
        let missing = || PartsError::Missing { what: format!("the key {name}") };
        self.keys.get(name).cloned().ok_or_else(missing)
    }
}

fn wrong_kind(digest: &Digest) -> PartsError {
    PartsError::Unreadable { digest: digest.clone(), reason: "it is a list of another kind".into() }
}

#[cfg(test)]
mod tests;
