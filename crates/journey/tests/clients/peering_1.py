"""A provider's journey by azure-mgmt-peering 1.0.0 as it is: `peering_1.py TASK`. It speaks 2019-08-01-preview, which
has neither Voice nor registered prefixes nor keys: what that version lacks is done by people with a newer client,
and must be readable by this one. Every operation of the client is called with success on the way.
"""

import sys

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.mgmt.peering import PeeringManagementClient
from azure.mgmt.peering import models as m

import world
from credentials import Token, options
from world import ask, refused, until

GROUP = "voice"
SERVICE = "teams"
PREFIX = "sbc-0"


def associate(c, task):
    contact = m.ContactInfo(emails=["noc@contoso.example"], phone=["+31 20 555 0100"])
    wish = m.PeerAsn(peer_asn=task.asn, peer_name=task.provider, peer_contact_info=contact)
    made = c.peer_asns.create_or_update(task.asn_name, wish)
    assert made.validation_state == "Pending", made
    assert made.peer_contact_info.emails == ["noc@contoso.example"], made.peer_contact_info
    ask("approve_asn", name=task.asn_name)
    until("the ASN is approved", lambda: c.peer_asns.get(task.asn_name),
          lambda a: a.validation_state == "Approved")
    for i in range(3):
        big = m.PeerAsn(peer_asn=3_100_000_000 + i, peer_name=f"Old {i}", peer_contact_info=contact)
        assert c.peer_asns.create_or_update(f"big-{i}", big).peer_asn == 3_100_000_000 + i
    assert len(c.peer_asns.list_by_subscription()) == 4
    for i in range(3):
        c.peer_asns.delete(f"big-{i}")
    until("they are gone", c.peer_asns.list_by_subscription, lambda found: len(found) == 1)


def request(c, task):
    connection = lambda: m.DirectConnection(
        bandwidth_in_mbps=10_000, peering_db_facility_id=task.facility, session_address_provider="Microsoft",
        use_for_peering_service=True, bgp_session=m.BgpSession(max_prefixes_advertised_v4=1000))
    asn = m.SubResource(id=f"/subscriptions/{task.subscription}/providers/Microsoft.Peering/peerAsns/{task.asn_name}")
    wish = m.Peering(
        kind="Direct", location=task.region, sku=m.PeeringSku(name="Premium_Direct_Free"),
        peering_location=task.metro, direct=m.PeeringPropertiesDirect(
            direct_peering_type="Edge", peer_asn=asn, connections=[connection(), connection()]))
    made = c.peerings.create_or_update(GROUP, task.peering, wish)
    assert [x.connection_state for x in made.direct.connections] == ["PendingApproval"] * 2, made
    assert made.direct.use_for_peering_service, made
    ask("approve_peering", peering=task.peering)
    ask("cable", peering=task.peering, nodes=task.nodes, first_port=3)
    connections = until(
        f"{task.peering} is Active", lambda: c.peerings.get(GROUP, task.peering).direct.connections,
        lambda found: all(x.connection_state == "Active" for x in found))
    for seen in connections:
        assert seen.bgp_session.session_state_v4 == "Established", seen
        assert seen.bgp_session.microsoft_session_i_pv4_address, seen


def serve(c, task):
    """A peering service; its locations and the prefix's key are unknown to this version."""
    place = m.CheckServiceProviderAvailabilityInput(
        peering_service_location=task.place, peering_service_provider=task.provider)
    assert c.check_service_provider_availability(place) == "Available"
    made = c.peering_services.create_or_update(GROUP, SERVICE, m.PeeringService(
        location=task.region, peering_service_location=task.place, peering_service_provider=task.provider))
    assert made.provisioning_state == "Succeeded", made
    wish = m.PeeringServicePrefix(prefix=task.prefix)
    refused(HttpResponseError, 400, "InvalidRequest",
            lambda: c.peering_service_prefixes.create_or_update(GROUP, SERVICE, PREFIX, wish))
    ask("activate", peering=task.peering, nodes=task.nodes, service=SERVICE, name=PREFIX, prefix=task.prefix,
        metro=task.metro)
    seen = until("the prefix is activated", lambda: c.peering_service_prefixes.get(GROUP, SERVICE, PREFIX),
                 lambda p: p.prefix_validation_state == "Verified")
    assert seen.prefix == task.prefix, seen
    again = c.peering_service_prefixes.create_or_update(GROUP, SERVICE, PREFIX, wish)
    assert again.id == seen.id, again
    assert [p.name for p in c.prefixes.list_by_peering_service(GROUP, SERVICE)] == [PREFIX]


def look(c, task):
    assert any(o.name.startswith("Microsoft.Peering/peerings/") for o in c.operations.list())
    assert task.metro in [p.name for p in c.peering_locations.list(kind="Direct", direct_peering_type="Edge")]
    assert task.place in [p.name for p in c.peering_service_locations.list()]
    assert task.provider in [p.service_provider_name for p in c.peering_service_providers.list()]
    c.legacy_peerings.list(peering_location=task.metro, kind="Direct")


def tags(c, task):
    for group, name in [(c.peerings, task.peering), (c.peering_services, SERVICE)]:
        kept = group.update(GROUP, name, m.ResourceTags(tags={"room": "B 12"}))
        assert kept.tags == {"room": "B 12"} == group.get(GROUP, name).tags, kept
        assert name in [p.name for p in group.list_by_resource_group(GROUP)]
        assert name in [p.name for p in group.list_by_subscription()]


def refusals(c, task, stranger):
    refused(ResourceNotFoundError, 404, "ResourceNotFound", lambda: c.peerings.get(GROUP, "nothing"))
    refused(ResourceExistsError, 409, "PeerAsnInUse", lambda: c.peer_asns.delete(task.asn_name))
    stale = {"headers": {"If-Match": '"never-given"'}}
    refused(HttpResponseError, 412, "PreconditionFailed",
            lambda: c.peerings.update(GROUP, task.peering, m.ResourceTags(tags={"room": "B 13"}), **stale))
    refused(ClientAuthenticationError, 401, "AuthenticationFailed", stranger.peer_asns.list_by_subscription)


def remove(c, task):
    c.peering_service_prefixes.delete(GROUP, SERVICE, PREFIX)
    until("no prefix is activated", lambda: c.prefixes.list_by_peering_service(GROUP, SERVICE), lambda found: not found)
    c.peering_services.delete(GROUP, SERVICE)
    ask("unregister", peering=task.peering, name=PREFIX)
    c.peerings.delete(GROUP, task.peering)
    until("the peering is gone", lambda: c.peerings.list_by_subscription(), lambda found: not found)
    ask("uncable", peering=task.peering, nodes=task.nodes)
    c.peer_asns.delete(task.asn_name)
    until("no ASN is associated", c.peer_asns.list_by_subscription, lambda found: not found)


def main():
    task = world.task()
    make = lambda token: PeeringManagementClient(Token(token), task.subscription, **options(task, token))
    with make(task.token) as client, make("nobody") as stranger:
        record = world.Recorder(client, world.run_plain)
        world.Recorder(stranger, world.run_plain)
        associate(client, task)
        request(client, task)
        ask("meet", at="active")
        serve(client, task)
        look(client, task)
        tags(client, task)
        refusals(client, task, stranger)
        ask("meet", at="done")
        remove(client, task)
        record.every_operation_was_called()


if __name__ == "__main__":
    sys.exit(main())
