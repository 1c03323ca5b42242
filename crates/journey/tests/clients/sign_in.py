"""Signs in with azure-identity as tools do, with a token of Meetme's as the client's secret, and goes where only
azure-mgmt-resource goes: `sign_in.py TASK`. Nothing stands in for an identity provider.
"""

from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ClientSecretCredential
from azure.mgmt.peering import PeeringManagementClient
from azure.mgmt.peering import models as m
from azure.mgmt.resource import ResourceManagementClient

import world

GROUP = "telco"
PEERINGS = "Microsoft.Peering/peerings"
PEERING_VERSION = "2025-05-01"


def credential(task, client, secret):
    return ClientSecretCredential(
        "contoso.example", client, secret, authority=task.base, disable_instance_discovery=True
    )


def furnish(peering, task):
    contact = m.ContactDetail(role="Noc", email="noc@contoso.example", phone="+31 20 555 0100")
    asn = m.PeerAsn(
        properties=m.PeerAsnProperties(peer_asn=64510, peer_name="Contoso", peer_contact_detail=[contact])
    )
    asn = peering.peer_asns.create_or_update("tel", asn)
    connection = m.DirectConnection(bandwidth_in_mbps=10000, peering_db_facility_id=64)
    direct = m.PeeringPropertiesDirect(
        direct_peering_type="Edge", peer_asn=m.SubResource(id=asn.id), connections=[connection]
    )
    wish = m.Peering(
        kind="Direct",
        location="West Europe",
        sku=m.PeeringSku(name="Basic_Direct_Free"),
        tags={"env": "old"},
        properties=m.PeeringProperties(peering_location="Amsterdam", direct=direct),
    )
    made = peering.peerings.create_or_update(GROUP, "ams", wish)
    assert made.location == "westeurope", made.location
    return made.id


def go_around(resources, task, resource_id):
    """What azure-mgmt-resource asks for in ways of its own: by a path with an empty segment, by HEAD, by filters."""
    by_name = (GROUP, "Microsoft.Peering", "", "peerings")
    found = resources.resources.get(*by_name, "ams", PEERING_VERSION)
    assert (found.name, found.kind, found.sku.name) == ("ams", "Direct", "Basic_Direct_Free"), found
    assert resources.resources.check_existence(*by_name, "ams", PEERING_VERSION) is True
    assert resources.resources.check_existence(*by_name, "none", PEERING_VERSION) is False
    assert resources.resources.check_existence_by_id(resource_id, PEERING_VERSION) is True
    assert resources.resource_groups.check_existence(GROUP) is True

    def names(query):
        return [r.name for r in resources.resources.list(filter=query, expand="createdTime,provisioningState")]

    assert names(f"resourceGroup eq '{GROUP}' and resourceType eq '{PEERINGS}'") == ["ams"]
    assert names("tagname eq 'env' and tagvalue eq 'old'") == ["ams"]
    assert names("location eq 'northeurope'") == []
    resources.resource_groups.create_or_update("empty", {"location": "West Europe", "tags": {"env": "old"}})
    groups = [g.name for g in resources.resource_groups.list(filter="tagName eq 'env' and tagValue eq 'old'")]
    assert groups == ["empty"], groups
    types = {t.resource_type: t.api_versions for t in resources.providers.get("Microsoft.Peering").resource_types}
    assert "2019-08-01-preview" in types["peerings"]
    assert "2019-08-01-preview" not in types["peerings/registeredPrefixes"]


def main():
    task = world.task()
    secret = credential(task, "00000000-0000-0000-0000-000000000001", task.token)
    scopes = [f"{task.base}/.default"]
    options = {"base_url": task.base, "credential_scopes": scopes}
    assert secret.get_token(*scopes).token == task.token
    peering = PeeringManagementClient(secret, task.subscription, **options)
    resources = ResourceManagementClient(secret, task.subscription, **options)
    go_around(resources, task, furnish(peering, task))
    # In a row, as tools do it: the client waits by itself for as long as a refusal says.
    peering.peerings.delete(GROUP, "ams")
    peering.peer_asns.delete("tel")
    resources.resource_groups.begin_delete(GROUP).result()
    try:
        # Another client: tokens of one that has signed in are kept by MSAL.
        credential(task, "00000000-0000-0000-0000-000000000002", "mt_wrong").get_token(*scopes)
    except ClientAuthenticationError as e:
        assert "invalid_client" in str(e) or "isn't a valid token" in str(e), e
    else:
        raise AssertionError("a wrong secret signed in")


main()
