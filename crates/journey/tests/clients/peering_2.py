"""A provider's whole journey by azure-mgmt-peering 2.0.0 as it is: `peering_2.py TASK` (its synchronous side, or
the asynchronous one where the task says so). Every operation of the client is called with success on the way.
"""

import asyncio
import sys

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ResourceNotModifiedError,
)
from azure.mgmt.peering import PeeringManagementClient
from azure.mgmt.peering import models as m
from azure.mgmt.peering.aio import PeeringManagementClient as AsyncClient

import world
from credentials import AsyncToken, Token, options
from world import ask, refused, until

GROUP = "voice"
SERVICE = "teams"
BIG_ASNS = [3_000_000_000, 3_000_000_001, 3_000_000_002]


def claim(asn, name):
    contact = lambda role: m.ContactDetail(role=role, email=f"{role}@contoso.example", phone="+31 20 555 0100")
    return m.PeerAsn(properties=m.PeerAsnProperties(
        peer_asn=asn, peer_name=name, peer_contact_detail=[contact("Noc"), contact("Technical")]))


def associate(c, task):
    """The ASN, and others above 2^31-1 that are enough for several pages."""
    made = c.peer_asns.create_or_update(task.asn_name, claim(task.asn, task.provider))
    assert made.properties.validation_state == "Pending", made
    ask("approve_asn", name=task.asn_name)
    until("the ASN is approved", lambda: c.peer_asns.get(task.asn_name),
          lambda a: a.properties.validation_state == "Approved")
    for i, asn in enumerate(BIG_ASNS):
        made = c.peer_asns.create_or_update(f"big-{i}", claim(asn, f"Big {i} of {task.asn_name}"))
        assert made.properties.peer_asn == asn, made
    numbers = {a.properties.peer_asn for a in c.peer_asns.list_by_subscription()}
    assert numbers == {task.asn, *BIG_ASNS}, numbers
    for i in range(len(BIG_ASNS)):
        c.peer_asns.delete(f"big-{i}")
    until("they are gone", c.peer_asns.list_by_subscription, lambda found: len(found) == 1)


def peering(task, kind, connections):
    return m.Peering(
        kind="Direct", location=task.region, sku=m.PeeringSku(name="Premium_Direct_Free"),
        properties=m.PeeringProperties(
            peering_location=task.metro,
            direct=m.PeeringPropertiesDirect(
                direct_peering_type=kind,
                peer_asn=m.SubResource(id=f"/subscriptions/{task.subscription}/providers/Microsoft.Peering/peerAsns/{task.asn_name}"),
                connections=connections)))


def connection(task, mbps, **more):
    return m.DirectConnection(bandwidth_in_mbps=mbps, peering_db_facility_id=task.facility, **more)


def connections_of(c, name):
    return c.peerings.get(GROUP, name).properties.direct.connections


def active(c, name):
    return until(f"{name} is Active", lambda: connections_of(c, name),
                 lambda found: all_are(found, "Active"))


def all_are(connections, state):
    return all(c.connection_state == state for c in connections)


def request(c, task):
    """The Voice peering, from its request until all its connections are Active."""
    voice = lambda: connection(task, 20_000, bgp_session=m.BgpSession(max_prefixes_advertised_v4=1000))
    status, made = c.peerings.create_or_update(
        GROUP, task.peering, peering(task, "Voice", [voice(), voice()]),
        cls=lambda response, value, _: (response.http_response.status_code, value))
    assert status == 201 and made.name == task.peering, (status, made)
    assert all_are(made.properties.direct.connections, "PendingApproval"), made
    ask("approve_peering", peering=task.peering)
    ask("cable", peering=task.peering, nodes=task.nodes, first_port=1)
    for seen in active(c, task.peering):
        assert seen.bgp_session.session_state_v4 == "Established", seen
        assert seen.provisioned_bandwidth_in_mbps == 20_000, seen
        assert seen.microsoft_tracking_id, seen


def probe(c, task):
    """The peering is sent again as it was read, with a probe: reading and writing back changes nothing else."""
    seen = c.peerings.get(GROUP, task.peering)
    seen.properties.connectivity_probes = [
        m.ConnectivityProbe(endpoint=task.address, azure_region=task.region, protocol="ICMP")]
    kept = c.peerings.create_or_update(GROUP, task.peering, seen)
    assert all_are(kept.properties.direct.connections, "Active"), kept
    assert [p.endpoint for p in kept.properties.connectivity_probes] == [task.address], kept


def register(c, task):
    """A registered prefix until it is Verified on every session; gives its key."""
    for i, prefix in enumerate([task.prefix, *task.more_prefixes]):
        made = c.registered_prefixes.create_or_update(
            GROUP, task.peering, f"sbc-{i}",
            m.PeeringRegisteredPrefix(properties=m.PeeringRegisteredPrefixProperties(prefix=prefix)))
        assert made.properties.prefix_validation_state == "Pending", made
    ask("announce", peering=task.peering, nodes=task.nodes, prefixes=[task.prefix, *task.more_prefixes])
    until("the prefix is Verified", lambda: c.registered_prefixes.get(GROUP, task.peering, "sbc-0"),
          lambda p: p.properties.prefix_validation_state == "Verified")
    again = c.registered_prefixes.validate(GROUP, task.peering, "sbc-0")
    assert again.properties.prefix == task.prefix, again
    names = sorted(p.name for p in c.registered_prefixes.list_by_peering(GROUP, task.peering))
    assert names == ["sbc-0", "sbc-1", "sbc-2"], names
    return c.registered_prefixes.get(GROUP, task.peering, "sbc-0").properties.peering_service_prefix_key


def routes(c, task):
    everything = c.received_routes.list_by_peering(GROUP, task.peering)
    for prefix in [task.prefix, *task.more_prefixes]:
        assert len([r for r in everything if r.prefix == prefix]) == len(task.nodes), (prefix, everything)
    one = c.received_routes.list_by_peering(
        GROUP, task.peering, prefix=task.prefix, as_path=str(task.asn), origin_as_validation_state="Valid")
    assert [r.prefix for r in one] == [task.prefix] * len(task.nodes), one
    assert one[0].as_path == str(task.asn) and one[0].received_timestamp, one
    none = c.received_routes.list_by_peering(GROUP, task.peering, rpki_validation_state="Invalid")
    assert none == [], none
    c.rp_unbilled_prefixes.list(GROUP, task.peering, consolidate=True)


def activate(c, task, key):
    """A peering service with a backup location, and the prefix activated in it."""
    place = m.CheckServiceProviderAvailabilityInput(
        peering_service_location=task.place, peering_service_provider=task.provider)
    assert c.check_service_provider_availability(place) == "Available"
    until("the provider is at both metros", c.peering_service_providers.list, lambda found: any(
        p.properties.service_provider_name == task.provider
        and {task.metro, task.backup} <= set(p.properties.peering_locations) for p in found))
    made = c.peering_services.create_or_update(GROUP, SERVICE, m.PeeringService(
        location=task.region, properties=m.PeeringServiceProperties(
            peering_service_location=task.place, peering_service_provider=task.provider,
            provider_primary_peering_location=task.metro, provider_backup_peering_location=task.backup)))
    assert made.properties.provider_backup_peering_location == task.backup, made
    wish = m.PeeringServicePrefix(properties=m.PeeringServicePrefixProperties(
        prefix=task.prefix, peering_service_prefix_key="00000000-0000-4000-8000-000000000000"))
    refused(HttpResponseError, 400, "PrefixKeyInvalid",
            lambda: c.prefixes.create_or_update(GROUP, SERVICE, "sbc-0", wish))
    wish.properties.peering_service_prefix_key = key
    c.prefixes.create_or_update(GROUP, SERVICE, "sbc-0", wish)
    seen = until("the prefix is activated", lambda: c.prefixes.get(GROUP, SERVICE, "sbc-0", expand="events"),
                 lambda p: p.properties.learned_type not in (None, "None"))
    assert seen.properties.events, seen
    assert [p.name for p in c.prefixes.list_by_peering_service(GROUP, SERVICE)] == ["sbc-0"]


def monitor(c, task):
    c.peering_services.initialize_connection_monitor()
    made = c.connection_monitor_tests.create_or_update(GROUP, SERVICE, "to-us", m.ConnectionMonitorTest(
        properties=m.ConnectionMonitorTestProperties(
            source_agent=task.site, destination=task.address, destination_port=0, test_frequency_in_sec=10)))
    assert made.properties.destination == task.address, made
    assert c.connection_monitor_tests.get(GROUP, SERVICE, "to-us").name == "to-us"
    assert [t.name for t in c.connection_monitor_tests.list_by_peering_service(GROUP, SERVICE)] == ["to-us"]
    c.connection_monitor_tests.delete(GROUP, SERVICE, "to-us")


def look(c, task):
    """The looking glass, and the lists that are the same for everybody."""
    seen = c.looking_glass.invoke(command="BgpRoute", source_type="EdgeSite", source_location=task.metro,
                                  destination_ip=task.address)
    assert seen.command == "BgpRoute" and str(task.asn) in seen.output, seen
    assert any(o.name.startswith("Microsoft.Peering/peerings/") for o in c.operations.list())
    metros = c.peering_locations.list(kind="Direct", direct_peering_type="Voice")
    assert {task.metro, task.backup} <= {p.name for p in metros}, metros
    countries = [p.name for p in c.peering_service_countries.list()]
    places = [p.name for country in countries for p in c.peering_service_locations.list(country=country)]
    assert task.place in places, (countries, places)
    c.cdn_peering_prefixes.list(peering_location=task.metro)
    c.legacy_peerings.list(peering_location=task.metro, kind="Direct", asn=task.asn)


def route_server(c, task):
    """A peering at an exchange with a route server, where ASNs are registered."""
    session = m.BgpSession(session_prefix_v4=task.exchange_prefix, max_prefixes_advertised_v4=1000)
    made = c.peerings.create_or_update(GROUP, task.exchange, peering(task, "IxRs", [
        connection(task, 10_000, bgp_session=session, session_address_provider="Peer",
                   use_for_peering_service=True)]))
    assert made.properties.direct.direct_peering_type == "IxRs", made
    wish = m.PeeringRegisteredAsn(properties=m.PeeringRegisteredAsnProperties(asn=task.asn))
    made = c.registered_asns.create_or_update(GROUP, task.exchange, "own", wish)
    assert made.properties.asn == task.asn, made
    assert c.registered_asns.get(GROUP, task.exchange, "own").name == "own"
    assert [a.name for a in c.registered_asns.list_by_peering(GROUP, task.exchange)] == ["own"]
    c.registered_asns.delete(GROUP, task.exchange, "own")
    remove_peering(c, task.exchange)


def tags(c, task):
    for group, name in [(c.peerings, task.peering), (c.peering_services, SERVICE)]:
        kept = group.update(GROUP, name, m.ResourceTags(tags={"room": "B 12", "Größe": "ü"}))
        assert kept.tags == {"room": "B 12", "Größe": "ü"}, kept
        seen = group.get(GROUP, name)
        assert seen.tags == kept.tags, seen
        assert seen.system_data.last_modified_at >= seen.system_data.created_at, seen.system_data
        assert name in [p.name for p in group.list_by_resource_group(GROUP)]
        assert name in [p.name for p in group.list_by_subscription()]


def refusals(c, task, stranger):
    """Each refusal comes as the exception that the client's users know, and 409 and 412 are told apart."""
    refused(ResourceNotFoundError, 404, "ResourceNotFound", lambda: c.peerings.get(GROUP, "nothing"))
    told = refused(HttpResponseError, 400, "PeerAsnReserved",
                   lambda: c.peer_asns.create_or_update("private", claim(64512, "Private")))
    assert "RFC 6996" in told.message, told.message
    refused(ResourceExistsError, 409, "PeerAsnInUse", lambda: c.peer_asns.delete(task.asn_name))
    etag = c.peerings.get(GROUP, task.peering, cls=lambda response, *_: response.http_response.headers["ETag"])
    other = m.ResourceTags(tags={"room": "B 13"})
    stale = {"headers": {"If-Match": '"never-given"'}}
    refused(HttpResponseError, 412, "PreconditionFailed",
            lambda: c.peerings.update(GROUP, task.peering, other, **stale))
    c.peerings.update(GROUP, task.peering, other, headers={"If-Match": etag})
    etag = c.peerings.get(GROUP, task.peering, cls=lambda response, *_: response.http_response.headers["ETag"])
    refused(ResourceNotModifiedError, 304, None,
            lambda: c.peerings.get(GROUP, task.peering, headers={"If-None-Match": etag}))
    there = {"headers": {"If-None-Match": "*"}}
    refused(HttpResponseError, 412, "PreconditionFailed", lambda: c.peer_asns.create_or_update(
        task.asn_name, claim(task.asn, task.provider), **there))
    headers = c.peer_asns.get(task.asn_name, cls=lambda response, *_: response.http_response.headers)
    assert headers.get("x-ms-request-id") and headers.get("x-ms-correlation-request-id"), dict(headers)
    refused(ClientAuthenticationError, 401, "AuthenticationFailed", stranger.peer_asns.list_by_subscription)


def remove_peering(c, name):
    c.peerings.delete(GROUP, name)
    until(f"{name} is gone", lambda: c.peerings.list_by_resource_group(GROUP),
          lambda found: name not in [p.name for p in found])


def remove(c, task):
    c.prefixes.delete(GROUP, SERVICE, "sbc-0")
    until("no prefix is activated", lambda: c.prefixes.list_by_peering_service(GROUP, SERVICE), lambda found: not found)
    c.peering_services.delete(GROUP, SERVICE)
    for i in range(3):
        c.registered_prefixes.delete(GROUP, task.peering, f"sbc-{i}")
    until("no prefix is registered", lambda: c.registered_prefixes.list_by_peering(GROUP, task.peering),
          lambda found: not found)
    remove_peering(c, task.peering)
    ask("uncable", peering=task.peering, nodes=task.nodes)
    c.peer_asns.delete(task.asn_name)
    until("no ASN is associated", c.peer_asns.list_by_subscription, lambda found: not found)


def journey(c, task, stranger):
    associate(c, task)
    request(c, task)
    ask("meet", at="active")
    probe(c, task)
    key = register(c, task)
    routes(c, task)
    activate(c, task, key)
    monitor(c, task)
    look(c, task)
    route_server(c, task)
    tags(c, task)
    refusals(c, task, stranger)
    ask("meet", at="done")
    remove(c, task)


def main():
    task = world.task()
    if task.asynchronous:
        loop = asyncio.new_event_loop()
        make, credential, run = AsyncClient, AsyncToken, world.run_on(loop)
    else:
        make, credential, run = PeeringManagementClient, Token, world.run_plain
    client = make(credential(task.token), task.subscription, **options(task))
    stranger = make(credential("nobody"), task.subscription, **options(task, "nobody"))
    record = world.Recorder(client, run)
    world.Recorder(stranger, run)
    try:
        journey(client, task, stranger)
        record.every_operation_was_called()
    finally:
        for open_one in (client, stranger):
            run(open_one.close())


if __name__ == "__main__":
    sys.exit(main())
