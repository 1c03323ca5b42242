//! Records that this crate's tests fill a store with: one provider, AS64510 in subscription `s`.

use jiff::Timestamp;
use meetme_model::Asn;
use meetme_model::connection::{Connection, ConnectionState, PortAssignment, SessionSubnet};
use meetme_model::connectivity_probe::{ConnectivityProbe, ProbeProtocol};
use meetme_model::inventory::OfferingKind;
use meetme_model::monitor_test::{MonitorTest, MonitorTestSpec};
use meetme_model::peer_asn::{AsnState, PeerAsn, PeerAsnSpec};
use meetme_model::peering::{AddressProvider, ConnectionSpec, Peering, PeeringSpec, Sku};
use meetme_model::peering_service::{PeeringService, PeeringServiceSpec};
use meetme_model::stamp::Stamp;
use meetme_store::{self as store, SealKey, Store, Tx};
use tempfile::TempDir;

/// An empty store; it goes with its directory.
pub(crate) async fn empty_store() -> (Store, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("meetme.db").display());
    (Store::open(&url, &SealKey::new([7; 32])).await.unwrap(), directory)
}

pub(crate) fn stamp() -> Stamp {
    Stamp::new("test", Timestamp::UNIX_EPOCH)
}

/// Keeps the provider's claim to its ASN, approved.
pub(crate) async fn with_peer_asn(tx: &mut Tx) {
    let claim = PeerAsn {
        id: 0,
        subscription: "s".into(),
        name: "contoso".into(),
        spec: PeerAsnSpec { asn: Asn(64510), peer_name: "Contoso".into(), contacts: vec![] },
        state: AsnState::Approved,
        error_message: None,
        decision: None,
        asked_at: None,
        stamp: stamp(),
    };
    store::peer_asn_insert(tx, &claim).await.unwrap();
}

/// A peering of the provider, called as its location.
pub(crate) fn peering(location: &str, offering: OfferingKind) -> Peering {
    Peering {
        id: 0,
        subscription: "s".into(),
        resource_group: "rg".into(),
        name: location.into(),
        spec: PeeringSpec {
            region: "westeurope".into(),
            offering,
            sku: match offering {
                OfferingKind::Voice | OfferingKind::IxRs => Sku::Premium_Direct_Free,
                OfferingKind::Edge => Sku::Basic_Direct_Free,
                OfferingKind::Exchange => Sku::Basic_Exchange_Free,
            },
            location: location.into(),
            peer_asn_name: "contoso".into(),
            asn: Asn(64510),
            tags: Default::default(),
            probes: vec![],
        },
        deleting: false,
        stamp: stamp(),
    }
}

/// A probe of a peering by TCP.
pub(crate) fn probe(place: u32, region: &str) -> ConnectivityProbe {
    ConnectivityProbe {
        place,
        endpoint: "198.19.20.1".parse().unwrap(),
        region: region.into(),
        protocol: ProbeProtocol::Tcp,
    }
}

/// Keeps a peering with one Active connection on `router`, whose IPv4 session has `subnet`.
pub(crate) async fn with_active_connection(
    tx: &mut Tx,
    new: &Peering,
    router: &str,
    subnet: &str,
) -> (Peering, Connection) {
    let asked = ConnectionSpec {
        identifier: format!("guid-{}", new.name),
        bandwidth_mbps: 10_000,
        facility_id: 64,
        address_provider: AddressProvider::Host,
        use_for_peering_service: false,
        session_prefix_v4: None,
        session_prefix_v6: None,
        max_prefixes_v4: 1000,
        max_prefixes_v6: None,
        md5_key: None,
    };
    let (peering, mut connections) = store::peering_insert(tx, new, &[asked]).await.unwrap();
    let mut connection = connections.remove(0);
    connection.state = ConnectionState::Active;
    let ports = vec![format!("et{}", connection.id)];
    connection.ports = Some(PortAssignment { router: router.into(), ports, port_speed_mbps: 10_000 });
    connection.subnet_v4 = SessionSubnet::of(subnet.parse().unwrap());
    store::connection_update(tx, &connection).await.unwrap();
    (peering, connection)
}

/// Keeps a peering service of the provider with a test `to-sbc` that `router` sends from ams1.
pub(crate) async fn with_monitor_test(tx: &mut Tx, router: &str) -> MonitorTest {
    let service = PeeringService {
        id: 0,
        subscription: "s".into(),
        resource_group: "rg".into(),
        name: "voice".into(),
        spec: PeeringServiceSpec {
            region: "westeurope".into(),
            location: "North Holland".into(),
            provider: "Contoso".into(),
            primary: Some("Amsterdam".into()),
            backup: None,
            sku: None,
            tags: Default::default(),
        },
        stamp: stamp(),
    };
    let service = store::peering_service_insert(tx, &service).await.unwrap();
    let spec = MonitorTestSpec {
        site: "ams1".into(),
        destination: "198.19.10.7".parse().unwrap(),
        port: None,
        interval_s: 30,
        router: router.into(),
    };
    let new = MonitorTest { id: 0, service_id: service.id, name: "to-sbc".into(), spec, stamp: stamp() };
    store::monitor_test_insert(tx, &new).await.unwrap()
}
