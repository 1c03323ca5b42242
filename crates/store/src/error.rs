//! What can go wrong in the store, by name.
//!
//! A constraint that callers can break has a [`Conflict`] of its own, found where the query runs.
//! Nothing here is an HTTP status; that is the API's choice.

use jiff::Timestamp;
use meetme_model::{Asn, Prefix};
use meetme_seal::SealError;
use std::fmt;

/// The store's results.
pub type Result<T> = std::result::Result<T, StoreError>;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The row that a write is about isn't there (any more).
    #[error("{what} {key} doesn't exist; it may have been deleted meanwhile, look it up again")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Which.
        key: String,
    },
    /// A rule about other rows forbids it.
    #[error(transparent)]
    Conflict(Box<Conflict>),
    /// Somebody else holds the database or its rows; nothing was changed.
    #[error("the database is busy; try again")]
    Busy,
    /// A sealed value or the seal key can't be used.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The database was migrated by a newer version of this program.
    #[error(
        "the database has schema {found}, this program knows up to {known}; start the newer version that migrated it"
    )]
    NewerSchema {
        /// In the database.
        found: i64,
        /// Known here.
        known: i64,
    },
    /// The database's address isn't understood.
    #[error("the database address '{url}' can't be used: {reason}")]
    Url {
        /// As given, without password.
        url: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A peer's token needs the subscription it is for.
    #[error("a token with role peer needs a subscription: give one")]
    TokenWithoutSubscription,
    /// A stored document isn't what this version expects.
    #[error("the stored {what} can't be read; the database was changed by another program")]
    Corrupt {
        /// What kind of thing.
        what: &'static str,
        /// What the parser says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Anything else that the database says.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

/// Where a resource is, for conflicts that name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceRef {
    /// Its subscription, as first written.
    pub subscription: String,
    /// Its resource group.
    pub resource_group: String,
    /// Its name (of a child: `parent/child`).
    pub name: String,
}

impl fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in resource group {}", self.name, self.resource_group)
    }
}

fn list(refs: &[ResourceRef]) -> String {
    let names: Vec<String> = refs.iter().map(ResourceRef::to_string).collect();
    names.join(", ")
}

/// A rule about other rows that a write would break.
///
/// Several name resources that may belong to another subscription; who answers a peer checks
/// [`ResourceRef::subscription`] before repeating them (`docs/rules.md` §5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The subscription has a peer ASN of that name.
    #[error("a peer ASN named {name} exists in this subscription; update it or choose another name")]
    PeerAsnNameTaken {
        /// The name.
        name: String,
    },
    /// Peerings use the ASN (`docs/rules.md` §1).
    #[error("the peer ASN is used by {}; delete them first", list(.peerings))]
    PeerAsnInUse {
        /// By which.
        peerings: Vec<ResourceRef>,
    },
    /// Somebody with this e-mail address may sign in already.
    #[error("{email} is known already; change that person, or invite them again")]
    PersonKnown {
        /// The address.
        email: String,
    },
    /// The resource group has a peering of that name.
    #[error("a peering named {name} exists in this resource group; update it or choose another name")]
    PeeringNameTaken {
        /// The name.
        name: String,
    },
    /// One peering per ASN, location and offering (`docs/rules.md` §2).
    #[error("this ASN has a peering of this offering at this location: {peering}; add connections to it")]
    PeeringExists {
        /// Which.
        peering: ResourceRef,
    },
    /// Registered prefixes of the peering are in use by peering services (`docs/rules.md` §2).
    #[error("registered prefixes of the peering are activated by {}; delete those first", list(.services))]
    PeeringInUse {
        /// By which peering-service prefixes (`service/prefix`).
        services: Vec<ResourceRef>,
    },
    /// The peering has a connection with that identifier.
    #[error("the peering has a connection with identifier {identifier}; choose another")]
    ConnectionIdentifierTaken {
        /// The identifier.
        identifier: String,
    },
    /// The port belongs to another connection.
    #[error("port {port} of {router} is assigned to connection {connection_id}; choose another port")]
    PortTaken {
        /// The router.
        router: String,
        /// The port.
        port: String,
        /// Whose it is.
        connection_id: i64,
    },
    /// The subnet, or one that overlaps it, belongs to another connection.
    #[error("subnet {prefix} overlaps one of connection {connection_id}; choose another subnet")]
    SubnetTaken {
        /// The subnet asked for.
        prefix: Prefix,
        /// Whose it is.
        connection_id: i64,
    },
    /// The subnet, or one that overlaps it, was freed and rests (`docs/rules.md` §3).
    #[error("subnet {prefix} rests since {freed_at}; choose another subnet")]
    SubnetResting {
        /// The subnet asked for.
        prefix: Prefix,
        /// Since when.
        freed_at: Timestamp,
    },
    /// The peering has a registered prefix of that name.
    #[error("a registered prefix named {name} exists on this peering; choose another name")]
    RegisteredPrefixNameTaken {
        /// The name.
        name: String,
    },
    /// The prefix is registered already (`docs/rules.md` §5).
    #[error("prefix {prefix} is registered already, on {peering}; one registration serves all locations")]
    PrefixRegistered {
        /// The prefix.
        prefix: Prefix,
        /// The resource name of that registration.
        name: String,
        /// On which peering.
        peering: ResourceRef,
    },
    /// The registration's key is in use (`docs/rules.md` §2).
    #[error("the registered prefix is activated by {}; delete those first", list(.services))]
    RegisteredPrefixInUse {
        /// By which peering-service prefixes (`service/prefix`).
        services: Vec<ResourceRef>,
    },
    /// The peering has a registered ASN of that name.
    #[error("a registered ASN named {name} exists on this peering; choose another name")]
    RegisteredAsnNameTaken {
        /// The name.
        name: String,
    },
    /// The ASN is registered on this peering already (`docs/rules.md` §5).
    #[error("AS{asn} is registered on this peering already, as {name}; it has one key")]
    AsnRegistered {
        /// The ASN.
        asn: Asn,
        /// The resource name of that registration.
        name: String,
    },
    /// The resource group has a peering service of that name.
    #[error("a peering service named {name} exists in this resource group; choose another name")]
    PeeringServiceNameTaken {
        /// The name.
        name: String,
    },
    /// The service has a prefix of that name.
    #[error("a prefix named {name} exists in this peering service; choose another name")]
    ServicePrefixNameTaken {
        /// The name.
        name: String,
    },
    /// The very same prefix is activated already (`docs/rules.md` §6).
    #[error("prefix {prefix} is activated already, by {service}; delete that first")]
    PrefixActivated {
        /// The prefix.
        prefix: Prefix,
        /// By which (`service/prefix`).
        service: ResourceRef,
    },
    /// A constraint without a name of its own: two writers met.
    #[error("the change conflicts with another one ({constraint}); read again and repeat it")]
    Constraint {
        /// What the database calls it.
        constraint: String,
    },
}

impl From<Conflict> for StoreError {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(Box::new(conflict))
    }
}

impl StoreError {
    /// The conflict, when it is one.
    pub fn conflict(&self) -> Option<&Conflict> {
        match self {
            Self::Conflict(conflict) => Some(conflict),
            _ => None,
        }
    }

    pub(crate) fn corrupt(
        what: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Corrupt { what, source: source.into() }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Database(db) => {
                let code = db.code().unwrap_or_default();
                if crate::engine::is_busy(&code) {
                    Self::Busy
                } else if db.is_unique_violation() || db.is_foreign_key_violation() {
                    Conflict::Constraint { constraint: db.constraint().unwrap_or(db.message()).to_owned() }
                        .into()
                } else {
                    Self::Database(error)
                }
            }
            _ => Self::Database(error),
        }
    }
}
