//! `GET …/offerings`: what the host sells, by the names that peers know, with what each offering
//! forces on a peering (`docs/rules.md` §2). Says nothing about anybody.

use crate::arm::inventory;
use crate::arm::peerings::{kind_name, offering_name};
use crate::call::{Answer, Call, ok};
use crate::page::Page;
use meetme_model::inventory::{Offering, OfferingKind};
use meetme_model::peering::Sku;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    name: String,
    kind: &'static str,
    direct_peering_type: &'static str,
    skus: Vec<ShownSku>,
    session_address_providers: Vec<&'static str>,
    /// `always`, `optional` or `never`.
    peering_service: &'static str,
    /// What registered prefixes carry.
    #[serde(skip_serializing_if = "Option::is_none")]
    community: Option<String>,
    #[serde(rename = "maxLengthV4")]
    max_length_v4: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSku {
    name: &'static str,
    least_connections: u8,
    /// It is the SKU of peerings of which a connection is used for Peering Service.
    peering_service: bool,
}

/// Answers all offerings, as the inventory has them.
pub(super) async fn list(call: Call) -> Answer {
    let inventory = inventory(&call).await?;
    let host = inventory.host.asn;
    let shown = |o: &Offering| show(o, o.community(host).map(|c| c.to_string()));
    ok(Page::whole(inventory.offerings.iter().map(shown).collect()))
}

fn show(offering: &Offering, community: Option<String>) -> Shown {
    let (host, peer) = ("Microsoft", "Peer");
    let (skus, providers, peering_service) = match offering.kind {
        OfferingKind::Voice => (vec![(Sku::Premium_Direct_Free, 2)], vec![host], "always"),
        OfferingKind::Edge => {
            let both = vec![(Sku::Basic_Direct_Free, 1), (Sku::Premium_Direct_Free, 2)];
            (both, vec![host, peer], "optional")
        }
        OfferingKind::IxRs => (vec![(Sku::Premium_Direct_Free, 1)], vec![peer], "always"),
        OfferingKind::Exchange => (vec![(Sku::Basic_Exchange_Free, 1)], vec![host, peer], "never"),
    };
    let sku = |(sku, least_connections): (Sku, u8)| ShownSku {
        name: sku.wire_name(),
        least_connections,
        peering_service: sku == Sku::Premium_Direct_Free,
    };
    Shown {
        name: offering.name.clone(),
        kind: kind_name(offering.kind),
        direct_peering_type: offering_name(offering.kind),
        skus: skus.into_iter().map(sku).collect(),
        session_address_providers: providers,
        peering_service,
        community,
        max_length_v4: offering.max_length_v4,
    }
}
