//! A connection as it is typed: its fields, what an offering forces of them, and its JSON.

use super::offering::{Offering, Place, provider_words};
use crate::parts::faults::Faults;
use crate::parts::form::Field;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

/// What is typed for a connection. Texts, as they came: the API says what is wrong with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Link {
    pub facility: String,
    pub bandwidth_mbps: String,
    pub provider: String,
    pub service: bool,
    pub prefix_v4: String,
    pub prefix_v6: String,
    pub max_v4: String,
    pub max_v6: String,
}

/// Between the parts of a connection in an address; it stands in none of them.
const BETWEEN: char = '~';

impl Link {
    /// A new one, with what is usual.
    pub fn usual(offering: Option<&Offering>, place: Option<&Place>) -> Self {
        let providers = offering.map_or(&[][..], |o| &o.session_address_providers);
        let facility = place.and_then(|p| p.facilities.first()).map(|f| f.id.clone()).unwrap_or_default();
        Self {
            bandwidth_mbps: place
                .and_then(|p| p.bandwidths(Some(&facility)).into_iter().next())
                .map(|b| b.0)
                .unwrap_or_default(),
            facility,
            provider: providers.first().cloned().unwrap_or_default(),
            max_v4: "1000".into(),
            ..Self::default()
        }
    }

    /// From the fields of a form.
    pub fn of_form(sent: &[(String, String)]) -> Self {
        let of = |name: &str| {
            let found = sent.iter().find(|(n, _)| n == name);
            found.map(|(_, value)| value.trim().replace(BETWEEN, "")).unwrap_or_default()
        };
        Self {
            facility: of("facility"),
            bandwidth_mbps: of("bandwidth"),
            provider: of("provider"),
            service: of("service") == "1",
            prefix_v4: of("prefix_v4"),
            prefix_v6: of("prefix_v6"),
            max_v4: of("max_v4"),
            max_v6: of("max_v6"),
        }
    }

    /// From a connection that the API shows.
    pub fn of_json(c: &Value) -> Self {
        let session = &c["bgpSession"];
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let number = |value: &Value| value.as_i64().map(|n| n.to_string()).unwrap_or_default();
        Self {
            facility: number(&c["peeringDBFacilityId"]),
            bandwidth_mbps: number(&c["bandwidthInMbps"]),
            provider: text(&c["sessionAddressProvider"]),
            service: c["useForPeeringService"] == true,
            prefix_v4: text(&session["sessionPrefixV4"]),
            prefix_v6: text(&session["sessionPrefixV6"]),
            max_v4: number(&session["maxPrefixesAdvertisedV4"]),
            max_v6: number(&session["maxPrefixesAdvertisedV6"]),
        }
    }

    /// As it stands in an address.
    pub fn pack(&self) -> String {
        let service = if self.service { "1" } else { "" };
        [
            self.facility.as_str(),
            &self.bandwidth_mbps,
            &self.provider,
            service,
            &self.prefix_v4,
            &self.prefix_v6,
            &self.max_v4,
            &self.max_v6,
        ]
        .join("~")
    }

    /// From an address; what is missing is empty.
    pub fn unpack(text: &str) -> Self {
        let mut parts = text.split(BETWEEN).map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        Self {
            facility: next(),
            bandwidth_mbps: next(),
            provider: next(),
            service: next() == "1",
            prefix_v4: next(),
            prefix_v6: next(),
            max_v4: next(),
            max_v6: next(),
        }
    }

    /// Writes what may be changed into a connection's JSON; an empty text leaves a property out.
    pub fn write(&self, c: &mut Value, offering: Option<&Offering>) {
        set(c, "peeringDBFacilityId", number(&self.facility));
        set(c, "bandwidthInMbps", number(&self.bandwidth_mbps));
        set(c, "sessionAddressProvider", text(&self.provider));
        // What is forced isn't sent: the offering says it.
        let forced = offering.is_some_and(|o| o.peering_service != "optional");
        set(c, "useForPeeringService", (!forced).then(|| json!(self.service)));
        if !c["bgpSession"].is_object() {
            c["bgpSession"] = json!({});
        }
        let session = &mut c["bgpSession"];
        if self.provider == "Peer" {
            set(session, "sessionPrefixV4", text(&self.prefix_v4));
            set(session, "sessionPrefixV6", text(&self.prefix_v6));
        }
        set(session, "maxPrefixesAdvertisedV4", number(&self.max_v4));
        set(session, "maxPrefixesAdvertisedV6", number(&self.max_v6));
    }

    /// The fields. Of a connection that is there already, what can't be changed is only shown.
    pub fn fields(
        &self,
        offering: Option<&Offering>,
        place: Option<&Place>,
        faults: &Faults,
        is_there: bool,
    ) -> Markup {
        let of = |target: &str| faults.at(target);
        let facilities = place.map(Place::options).unwrap_or_default();
        let at = is_there.then_some(self.facility.as_str());
        let bandwidths = place.map(|p| p.bandwidths(at)).unwrap_or_default();
        let fixed = "Of a connection that is there already this can't be changed: add another connection and remove this one.";
        let providers = offering.map_or(&[][..], |o| &o.session_address_providers);
        let facility = of("peeringDBFacilityId");
        let bandwidth = of("bandwidthInMbps");
        let provider = of("sessionAddressProvider");
        html! {
            @if is_there {
                (forced("Facility", &place.map_or_else(|| self.facility.clone(), |p| p.facility(&self.facility)), fixed))
            } @else {
                (Field { name: "facility", label: "Facility", hint: "Where the cross-connect is made.", error: facility, required: true }
                    .select(&facilities, &self.facility))
            }
            (Field { name: "bandwidth", label: "Bandwidth", hint: "Links of one LAG. With Voice all connections have the same.", error: bandwidth, required: true }
                .select(&with_own(bandwidths, &self.bandwidth_mbps), &self.bandwidth_mbps))
            @if is_there {
                (forced("Session address provider", provider_words(&self.provider), fixed))
            } @else if let ([only], Some(offering)) = (providers, offering) {
                input type="hidden" name="provider" value=(only);
                (forced("Session address provider", provider_words(only), offering.why()))
            } @else {
                @let options: Vec<(String, String)> = providers.iter().map(|p| (p.clone(), provider_words(p).to_owned())).collect();
                (Field { name: "provider", label: "Session address provider", hint: "", error: provider, required: true }
                    .select(&options, &self.provider))
            }
            (self.service_field(offering, of("useForPeeringService"), is_there, fixed))
            (self.prefix_fields(providers, faults, is_there))
            (self.limit_fields(faults))
        }
    }

    fn service_field(
        &self,
        offering: Option<&Offering>,
        error: Option<&str>,
        is_there: bool,
        fixed: &str,
    ) -> Markup {
        let mode = offering.map_or("optional", |o| &o.peering_service);
        let why = offering.map_or("", Offering::why);
        html! {
            @if mode != "optional" {
                (forced("Use for Peering Service", if mode == "always" { "Yes" } else { "No" }, why))
            } @else if is_there {
                input type="hidden" name="service" value=(if self.service { "1" } else { "" });
                (forced("Use for Peering Service", if self.service { "Yes" } else { "No" }, fixed))
            } @else {
                div.field.check.wrong[error.is_some()] {
                    input type="checkbox" id="service" name="service" value="1" checked[self.service] aria-describedby="service-hint";
                    label for="service" { "Use for Peering Service" }
                    p.hint #service-hint { "With it the peering's SKU is Premium Free, which needs two connections or more." }
                    @if let Some(error) = error { p.error { (error) } }
                }
            }
        }
    }

    fn prefix_fields(&self, providers: &[String], faults: &Faults, is_there: bool) -> Markup {
        let by_peer = if is_there { self.provider == "Peer" } else { providers.iter().any(|p| p == "Peer") };
        let (v4, v6) = (faults.at("bgpSession.sessionPrefixV4"), faults.at("bgpSession.sessionPrefixV6"));
        let also = providers.len() > 1 && !is_there;
        let hint = |what: &str| {
            let only = if also { " Only where you give the addresses." } else { "" };
            format!("{what}{only}")
        };
        let hints = [
            hint("A /30 or /31 of yours. In a /31 yours is the lower address; in a /30, base + 1."),
            hint("A /64 to /127 of yours; empty for no IPv6."),
        ];
        let field = |name, label, hint, error| Field { name, label, hint, error, required: false };
        let v4 = field("prefix_v4", "Session prefix IPv4", &hints[0], v4);
        let v6 = field("prefix_v6", "Session prefix IPv6", &hints[1], v6);
        let mailed = "A mail tells the addresses once the port is configured, and they are shown here.";
        html! {
            @if by_peer {
                (v4.input("text", &self.prefix_v4, "off"))
                (v6.input("text", &self.prefix_v6, "off"))
            } @else if !is_there {
                (forced("Session prefixes", "Given by the host", mailed))
            }
        }
    }

    fn limit_fields(&self, faults: &Faults) -> Markup {
        let (v4, v6) = (
            faults.at("bgpSession.maxPrefixesAdvertisedV4"),
            faults.at("bgpSession.maxPrefixesAdvertisedV6"),
        );
        let field = |name, label, hint, error| Field { name, label, hint, error, required: false };
        let hints = ["1 to 20000; more close the session.", "1 to 2000; empty for no IPv6 session."];
        let v4 = field("max_v4", "Maximum of IPv4 prefixes", hints[0], v4);
        let v6 = field("max_v6", "Maximum of IPv6 prefixes", hints[1], v6);
        html! {
            (v4.input("number", &self.max_v4, "off"))
            (v6.input("number", &self.max_v6, "off"))
        }
    }
}

/// Targets within a connection that [`Link::fields`] shows errors beside.
pub(super) const TARGETS: [&str; 8] = [
    "peeringDBFacilityId",
    "bandwidthInMbps",
    "sessionAddressProvider",
    "useForPeeringService",
    "bgpSession.sessionPrefixV4",
    "bgpSession.sessionPrefixV6",
    "bgpSession.maxPrefixesAdvertisedV4",
    "bgpSession.maxPrefixesAdvertisedV6",
];

/// A value that isn't chosen but given, and why.
pub(super) fn forced(label: &str, value: &str, why: &str) -> Markup {
    html! { div.field.forced { p.label { (label) } p.value { (value) } p.hint { (why) } } }
}

/// Options, and the own value first where it isn't among them.
fn with_own(mut options: Vec<(String, String)>, own: &str) -> Vec<(String, String)> {
    if !own.is_empty() && !options.iter().any(|(value, _)| value == own) {
        options.insert(0, (own.to_owned(), format!("{own} Mbps")));
    }
    options
}

fn set(object: &mut Value, name: &str, value: Option<Value>) {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    if let Some(members) = object.as_object_mut() {
        match value {
            Some(value) => members.insert(name.to_owned(), value),
            None => members.remove(name),
        };
    }
}

fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::from(text))
}

/// A number; what is none goes as it is, for the API to say so.
fn number(typed: &str) -> Option<Value> {
    if typed.is_empty() {
        None
    } else {
        Some(typed.parse::<i64>().map_or_else(|_| Value::from(typed), Value::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_goes_through_an_address_as_it_is() {
        let link = Link {
            facility: "64".into(),
            bandwidth_mbps: "20000".into(),
            provider: "Peer".into(),
            service: true,
            prefix_v4: "203.0.113.0/31".into(),
            max_v4: "x".into(),
            ..Link::default()
        };
        assert_eq!(Link::unpack(&link.pack()), link);
        assert_eq!(Link::unpack(""), Link::default());
        let mut c = json!({ "connectionIdentifier": "a" });
        link.write(&mut c, None);
        assert_eq!(
            c["bgpSession"],
            json!({ "sessionPrefixV4": "203.0.113.0/31", "maxPrefixesAdvertisedV4": "x" })
        );
        assert_eq!(c["connectionIdentifier"], "a");
        assert_eq!(c["bandwidthInMbps"], 20000);
    }
}
