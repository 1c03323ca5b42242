//! What differs between api-versions, all of it, in one table. What isn't listed is the same in all.
//!
//! Left out on purpose: the `target` and `details` of errors and our own extensions, which every
//! version is told, as clients ignore what they don't know; and patterns of names, which hold in all.

use super::compile::Reshape;
use serde_json::{Map, Value, json};

/// Something that some versions know.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// An operation, by its id.
    Operation(&'static str),
    /// A query parameter of an operation.
    Query { operation: &'static str, name: &'static str },
    /// A value of a query parameter.
    QueryValue { operation: &'static str, name: &'static str, value: &'static str },
    /// A property of a schema.
    Property { schema: &'static str, name: &'static str },
    /// A value of a property; of the schema itself where `property` is empty. `instead` is what
    /// versions without it are told; else they aren't told the property.
    EnumValue {
        schema: &'static str,
        property: &'static str,
        value: &'static str,
        instead: Option<&'static str>,
    },
    /// That a property can't be sent. Other versions list it as one that can; what is sent is
    /// ignored all the same.
    ReadOnly { schema: &'static str, property: &'static str },
    /// A property that had another name and form.
    Reshaped(&'static Reshape),
}

/// A row: versions from `since` on up to and with `until` know it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Difference {
    pub what: What,
    pub since: Option<&'static str>,
    pub until: Option<&'static str>,
}

impl Difference {
    /// Whether `version` knows it. Versions begin with their day, so that their order is that of text.
    pub fn known_to(&self, version: &str) -> bool {
        self.since.is_none_or(|since| since <= version) && self.until.is_none_or(|until| version <= until)
    }

    /// Which versions know it, in words.
    pub fn versions(&self) -> String {
        match (self.since, self.until) {
            (Some(since), None) => format!("{since} and later know it"),
            (None, Some(until)) => format!("{until} and earlier know it"),
            (Some(since), Some(until)) => format!("{since} to {until} know it"),
            (None, None) => "all versions know it".into(),
        }
    }
}

const fn since(version: &'static str, what: What) -> Difference {
    Difference { what, since: Some(version), until: None }
}

const fn until(version: &'static str, what: What) -> Difference {
    Difference { what, since: None, until: Some(version) }
}

const fn op(id: &'static str) -> What {
    What::Operation(id)
}

const fn property(schema: &'static str, name: &'static str) -> What {
    What::Property { schema, name }
}

const fn query(operation: &'static str, name: &'static str) -> What {
    What::Query { operation, name }
}

const fn value(
    schema: &'static str,
    property: &'static str,
    value: &'static str,
    instead: Option<&'static str>,
) -> What {
    What::EnumValue { schema, property, value, instead }
}

const fn read_only(schema: &'static str, property: &'static str) -> What {
    What::ReadOnly { schema, property }
}

const fn offering(name: &'static str) -> [What; 3] {
    [
        value("PeeringPropertiesDirect", "directPeeringType", name, None),
        value("DirectPeeringFacility", "directPeeringType", name, None),
        What::QueryValue { operation: "PeeringLocations_list", name: "directPeeringType", value: name },
    ]
}

const V2019_08: &str = "2019-08-01-preview";
const V2019_09: &str = "2019-09-01-preview";
const V2020_01: &str = "2020-01-01-preview";
const V2020_04: &str = "2020-04-01";
const V2020_10: &str = "2020-10-01";
const V2021_01: &str = "2021-01-01";
const V2021_06: &str = "2021-06-01";
const V2022_01: &str = "2022-01-01";
const V2022_06: &str = "2022-06-01";
const V2022_10: &str = "2022-10-01";
const V2025_05: &str = "2025-05-01";

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static Difference> {
    TABLE.iter().chain(OFFERINGS).chain(STATES).chain(WRITABLE)
}

const TABLE: &[Difference] = &[
    // Operations.
    since(V2020_01, op("PeeringServiceCountries_list")),
    since(V2020_04, op("ReceivedRoutes_list_by_peering")),
    since(V2020_01, op("RegisteredAsns_get")),
    since(V2020_01, op("RegisteredAsns_create_or_update")),
    since(V2020_01, op("RegisteredAsns_delete")),
    since(V2020_01, op("RegisteredAsns_list_by_peering")),
    since(V2020_01, op("RegisteredPrefixes_get")),
    since(V2020_01, op("RegisteredPrefixes_create_or_update")),
    since(V2020_01, op("RegisteredPrefixes_delete")),
    since(V2020_01, op("RegisteredPrefixes_list_by_peering")),
    since(V2020_10, op("CdnPeeringPrefixes_list")),
    since(V2021_06, op("ConnectionMonitorTests_get")),
    since(V2021_06, op("ConnectionMonitorTests_create_or_update")),
    since(V2021_06, op("ConnectionMonitorTests_delete")),
    since(V2021_06, op("ConnectionMonitorTests_list_by_peering_service")),
    since(V2021_06, op("PeeringServices_initialize_connection_monitor")),
    since(V2021_06, op("LookingGlass_invoke")),
    since(V2022_06, op("RegisteredPrefixes_validate")),
    since(V2022_10, op("RpUnbilledPrefixes_list")),
    // Query parameters.
    since(V2020_01, query("LegacyPeerings_list", "asn")),
    since(V2022_06, query("LegacyPeerings_list", "directPeeringType")),
    since(V2020_01, query("PeeringServiceLocations_list", "country")),
    since(V2019_09, query("Prefixes_get", "$expand")),
    since(V2019_09, query("Prefixes_list_by_peering_service", "$expand")),
    // Properties.
    since(V2025_05, property("Resource", "systemData")),
    until(V2020_01, property("ErrorResponse", "code")),
    until(V2020_01, property("ErrorResponse", "message")),
    until(V2019_09, What::Reshaped(&CONTACTS)),
    since(V2019_09, property("PeerAsnProperties", "errorMessage")),
    since(V2025_05, property("PeeringProperties", "connectivityProbes")),
    since(V2019_09, property("DirectConnection", "errorMessage")),
    since(V2019_09, property("ExchangeConnection", "errorMessage")),
    since(V2020_10, property("DirectConnection", "microsoftTrackingId")),
    since(V2020_01, property("PeeringService", "sku")),
    since(V2021_01, property("PeeringServiceProperties", "providerPrimaryPeeringLocation")),
    since(V2021_01, property("PeeringServiceProperties", "providerBackupPeeringLocation")),
    since(V2021_06, property("PeeringServiceProperties", "logAnalyticsWorkspaceProperties")),
    since(V2019_09, property("PeeringServicePrefixProperties", "errorMessage")),
    since(V2019_09, property("PeeringServicePrefixProperties", "events")),
    since(V2020_01, property("PeeringServicePrefixProperties", "peeringServicePrefixKey")),
    since(V2021_01, property("PeeringServiceProviderProperties", "peeringLocations")),
    since(V2021_06, property("Operation", "properties")),
];

const EDGE_ZONE: [What; 3] = offering("EdgeZoneForOperators");
const IX: [What; 3] = offering("Ix");
const IX_RS: [What; 3] = offering("IxRs");
const PEER_PROP: [What; 3] = offering("PeerProp");
const VOICE: [What; 3] = offering("Voice");

/// Offerings. `legacyPeerings` takes them as a filter from 2022-06-01 on only.
const OFFERINGS: &[Difference] = &[
    since(V2020_01, IX[0]),
    since(V2020_01, IX[1]),
    since(V2020_01, IX[2]),
    since(V2020_01, IX_RS[0]),
    since(V2020_01, IX_RS[1]),
    since(V2020_01, IX_RS[2]),
    since(V2021_01, VOICE[0]),
    since(V2021_01, VOICE[1]),
    since(V2021_01, VOICE[2]),
    since(V2022_01, EDGE_ZONE[0]),
    since(V2022_01, EDGE_ZONE[1]),
    since(V2022_01, EDGE_ZONE[2]),
    since(V2025_05, PEER_PROP[0]),
    since(V2025_05, PEER_PROP[1]),
    since(V2025_05, PEER_PROP[2]),
    since(
        V2025_05,
        What::QueryValue { operation: "LegacyPeerings_list", name: "directPeeringType", value: "PeerProp" },
    ),
];

/// States and other answers. A connection whose conversion is asked for or under way carries routes
/// all the while: it is Active to whom doesn't know conversions. One that waits for the peer was
/// anywhere before.
const STATES: &[Difference] = &[
    since(V2022_06, value("DirectConnection", "connectionState", "TypeChangeRequested", Some("Active"))),
    since(V2022_06, value("DirectConnection", "connectionState", "TypeChangeInProgress", Some("Active"))),
    since(V2025_05, value("DirectConnection", "connectionState", "ExternalBlocker", Some("None"))),
    since(V2022_06, value("ExchangeConnection", "connectionState", "TypeChangeRequested", Some("Active"))),
    since(V2022_06, value("ExchangeConnection", "connectionState", "TypeChangeInProgress", Some("Active"))),
    since(V2025_05, value("ExchangeConnection", "connectionState", "ExternalBlocker", Some("None"))),
    since(V2025_05, value("PeeringProperties", "provisioningState", "Canceled", Some("Failed"))),
    since(V2025_05, value("PeeringServiceProperties", "provisioningState", "Canceled", Some("Failed"))),
    since(V2025_05, value("PeeringServicePrefixProperties", "provisioningState", "Canceled", Some("Failed"))),
    since(
        V2025_05,
        value("PeeringRegisteredPrefixProperties", "provisioningState", "Canceled", Some("Failed")),
    ),
    since(V2025_05, value("PeeringRegisteredAsnProperties", "provisioningState", "Canceled", Some("Failed"))),
    since(
        V2025_05,
        value("ConnectionMonitorTestProperties", "provisioningState", "Canceled", Some("Failed")),
    ),
    since(
        V2019_09,
        value("PeeringServicePrefixProperties", "prefixValidationState", "Warning", Some("Unknown")),
    ),
    until(V2019_08, value("PeeringServicePrefixProperties", "learnedType", "ViaPartner", None)),
    since(
        V2019_09,
        value("PeeringServicePrefixProperties", "learnedType", "ViaServiceProvider", Some("ViaPartner")),
    ),
    until(V2019_08, value("ServiceProviderAvailability", "", "UnAvailable", None)),
    since(V2019_09, value("ServiceProviderAvailability", "", "Unavailable", Some("UnAvailable"))),
];

/// What could be sent before.
const WRITABLE: &[Difference] = &[
    since(V2021_06, read_only("PeerAsnProperties", "validationState")),
    since(V2021_06, read_only("PeeringSku", "tier")),
    since(V2021_06, read_only("PeeringSku", "family")),
    since(V2021_06, read_only("PeeringSku", "size")),
    since(V2019_09, read_only("PeeringPropertiesDirect", "useForPeeringService")),
    since(V2019_09, read_only("DirectConnection", "provisionedBandwidthInMbps")),
    since(V2019_09, read_only("PeeringServicePrefixProperties", "prefixValidationState")),
    since(V2019_09, read_only("PeeringServicePrefixProperties", "learnedType")),
];

/// Contacts had no roles: all their addresses, and all their numbers.
static CONTACTS: Reshape = Reshape {
    schema: "PeerAsnProperties",
    older: "peerContactInfo",
    newer: "peerContactDetail",
    to_newer: contacts_with_roles,
    to_older: contacts_without_roles,
};

/// Each address with the number at the same place; numbers in excess go with the last address. The
/// first is whom to reach at all hours.
fn contacts_with_roles(older: Value) -> Value {
    // What isn't of the older form is told by the handler, at its newer name.
    let Value::Object(older) = older else { return older };
    let list = |name: &str| older.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let (emails, phones) = (list("emails"), list("phone"));
    let contact = |i: usize| {
        let mut contact = Map::new();
        contact.insert("role".into(), json!(if i == 0 { "Noc" } else { "Other" }));
        for (name, value) in [("email", emails.get(i).or(emails.last())), ("phone", phones.get(i))] {
            if let Some(value) = value {
                contact.insert(name.into(), value.clone());
            }
        }
        Value::Object(contact)
    };
    (0..emails.len().max(phones.len())).map(contact).collect()
}

fn contacts_without_roles(newer: Value) -> Value {
    let contacts = newer.as_array().map_or(&[][..], Vec::as_slice);
    let all = |name: &str| {
        let mut values: Vec<Value> = Vec::new();
        for value in contacts.iter().filter_map(|c| c.get(name)).filter(|v| **v != "") {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        values
    };
    json!({ "emails": all("email"), "phone": all("phone") })
}
