// A provider's whole journey by @azure/arm-peering 2.1.0 as it is: `node peering.mjs TASK`, by its own api-version or
// the one that the task names, and read by the newest too. Every operation of the client is called with success.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { Recorder, ask, end, refused, task, until } from "./world.mjs";

const { PeeringManagementClient } = createRequire(`${task.modules}/`)("@azure/arm-peering");
const GROUP = "voice";
const SERVICE = "teams";
const NEWEST = "2025-05-01";

/** A client as anybody makes it; over plain HTTP, which its own token policy refuses, with a plain policy. */
function make(token, settings = {}) {
  const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3.6e6 }) };
  const client = new PeeringManagementClient(credential, task.subscription, { endpoint: task.base, ...settings });
  if (task.base.startsWith("http://")) {
    client.pipeline.removePolicy({ name: "bearerTokenAuthenticationPolicy" });
    client.pipeline.addPolicy({
      name: "plainBearer",
      sendRequest(request, next) {
        request.allowInsecureConnection = true;
        request.headers.set("Authorization", `Bearer ${token}`);
        return next(request);
      },
    });
  }
  return client;
}

/** What a call's answer had in its headers. */
async function headersOf(call) {
  let seen;
  await call({ onResponse: (answer) => (seen = answer.headers) });
  return seen;
}

const named = (list) => list.map((one) => one.name).sort();
const withHeader = (name, value) => ({ requestOptions: { customHeaders: { [name]: value } } });

function claim(asn, name) {
  const contact = (role) => ({ role, email: `${role}@contoso.example`, phone: "+31 20 555 0100" });
  return { peerAsn: asn, peerName: name, peerContactDetail: [contact("Noc"), contact("Technical")] };
}

async function associate(c) {
  const made = await c.peerAsns.createOrUpdate(task.asn_name, claim(task.asn, task.provider));
  assert.equal(made.validationState, "Pending");
  await ask("approve_asn", { name: task.asn_name });
  await until("the ASN is approved", () => c.peerAsns.get(task.asn_name), (a) => a.validationState === "Approved");
  const big = [3_200_000_000, 3_200_000_001, 3_200_000_002];
  for (const [i, asn] of big.entries()) {
    assert.equal((await c.peerAsns.createOrUpdate(`big-${i}`, claim(asn, `Large ${i}`))).peerAsn, asn);
  }
  const all = await c.peerAsns.listBySubscription();
  assert.deepEqual(all.map((a) => a.peerAsn).sort((a, b) => a - b), [task.asn, ...big]);
  for (const i of big.keys()) await c.peerAsns.delete(`big-${i}`);
  await until("they are gone", () => c.peerAsns.listBySubscription(), (left) => left.length === 1);
}

function peering(kind, connections) {
  return {
    kind: "Direct",
    location: task.region,
    sku: { name: "Premium_Direct_Free" },
    peeringLocation: task.metro,
    direct: {
      directPeeringType: kind,
      peerAsn: { id: `/subscriptions/${task.subscription}/providers/Microsoft.Peering/peerAsns/${task.asn_name}` },
      connections,
    },
  };
}

const connection = (mbps, more) => ({ bandwidthInMbps: mbps, peeringDBFacilityId: task.facility, ...more });
const all = (connections, state) => connections.every((c) => c.connectionState === state);

async function active(c, name) {
  const look = async () => (await c.peerings.get(GROUP, name)).direct.connections;
  return until(`${name} is Active`, look, (connections) => all(connections, "Active"));
}

async function request(c) {
  const voice = connection(20_000, { bgpSession: { maxPrefixesAdvertisedV4: 1000 } });
  const made = await c.peerings.createOrUpdate(GROUP, task.peering, peering("Voice", [voice, voice]));
  assert(all(made.direct.connections, "PendingApproval"), JSON.stringify(made));
  await ask("approve_peering", { peering: task.peering });
  await ask("cable", { peering: task.peering, nodes: task.nodes, first_port: 1 });
  for (const seen of await active(c, task.peering)) {
    assert.equal(seen.bgpSession.sessionStateV4, "Established");
    assert.equal(seen.provisionedBandwidthInMbps, 20_000);
    assert(seen.microsoftTrackingId);
  }
}

async function register(c) {
  const prefixes = [task.prefix, ...task.more_prefixes];
  for (const [i, prefix] of prefixes.entries()) {
    const made = await c.registeredPrefixes.createOrUpdate(GROUP, task.peering, `sbc-${i}`, { prefix });
    assert.equal(made.prefixValidationState, "Pending");
  }
  await ask("announce", { peering: task.peering, nodes: task.nodes, prefixes });
  const verified = await until("the prefix is Verified", () => c.registeredPrefixes.get(GROUP, task.peering, "sbc-0"),
    (p) => p.prefixValidationState === "Verified");
  assert.deepEqual(named(await c.registeredPrefixes.listByPeering(GROUP, task.peering)), ["sbc-0", "sbc-1", "sbc-2"]);
  return verified.peeringServicePrefixKey;
}

async function routes(c) {
  const everything = await c.receivedRoutes.listByPeering(GROUP, task.peering);
  for (const prefix of [task.prefix, ...task.more_prefixes]) {
    assert.equal(everything.filter((r) => r.prefix === prefix).length, task.nodes.length, prefix);
  }
  const one = await c.receivedRoutes.listByPeering(GROUP, task.peering,
    { prefix: task.prefix, asPath: String(task.asn), originAsValidationState: "Valid" });
  assert.deepEqual(one.map((r) => r.prefix), task.nodes.map(() => task.prefix));
}

async function activate(c, key) {
  const place = { peeringServiceLocation: task.place, peeringServiceProvider: task.provider };
  const available = await c.checkServiceProviderAvailability(place);
  assert.equal(available.body ?? available, "Available");
  await until("the provider is at both metros", () => c.peeringServiceProviders.list(), (providers) =>
    providers.some((p) => p.serviceProviderName === task.provider
      && [task.metro, task.backup].every((metro) => p.peeringLocations.includes(metro))));
  const made = await c.peeringServices.createOrUpdate(GROUP, SERVICE, {
    location: task.region,
    ...place,
    providerPrimaryPeeringLocation: task.metro,
    providerBackupPeeringLocation: task.backup,
  });
  assert.equal(made.providerBackupPeeringLocation, task.backup);
  const wrong = { prefix: task.prefix, peeringServicePrefixKey: "00000000-0000-4000-8000-000000000000" };
  await refused(400, "PrefixKeyInvalid", () => c.prefixes.createOrUpdate(GROUP, SERVICE, "sbc-0", wrong));
  await c.prefixes.createOrUpdate(GROUP, SERVICE, "sbc-0", { prefix: task.prefix, peeringServicePrefixKey: key });
  const seen = await until("the prefix is activated",
    () => c.prefixes.get(GROUP, SERVICE, "sbc-0", { expand: "events" }), (p) => p.learnedType !== "None");
  assert(seen.events.length > 0 && seen.events[0].eventTimestamp instanceof Date, JSON.stringify(seen));
  assert.deepEqual(named(await c.prefixes.listByPeeringService(GROUP, SERVICE)), ["sbc-0"]);
}

async function monitor(c) {
  await c.peeringServices.initializeConnectionMonitor();
  const wish = {
    sourceAgent: task.site, destination: task.address, destinationPort: 0, testFrequencyInSec: 10,
  };
  const made = await c.connectionMonitorTests.createOrUpdate(GROUP, SERVICE, "to-us", wish);
  assert.equal(made.destination, task.address);
  assert.equal((await c.connectionMonitorTests.get(GROUP, SERVICE, "to-us")).name, "to-us");
  assert.deepEqual(named(await c.connectionMonitorTests.listByPeeringService(GROUP, SERVICE)), ["to-us"]);
  await c.connectionMonitorTests.delete(GROUP, SERVICE, "to-us");
}

async function look(c) {
  const seen = await c.lookingGlass.invoke("BgpRoute", "EdgeSite", task.metro, task.address);
  assert(seen.command === "BgpRoute" && seen.output.includes(String(task.asn)), JSON.stringify(seen));
  assert((await c.operations.list()).some((o) => o.name.startsWith("Microsoft.Peering/peerings/")));
  const metros = named(await c.peeringLocations.list("Direct", { directPeeringType: "Voice" }));
  assert(metros.includes(task.metro) && metros.includes(task.backup), metros.join());
  const places = [];
  for (const { name } of await c.peeringServiceCountries.list()) {
    places.push(...named(await c.peeringServiceLocations.list({ country: name })));
  }
  assert(places.includes(task.place), places.join());
  await c.cdnPeeringPrefixes.list(task.metro);
  await c.legacyPeerings.list(task.metro, "Direct", { asn: task.asn });
}

async function routeServer(c) {
  const bgpSession = { sessionPrefixV4: task.exchange_prefix, maxPrefixesAdvertisedV4: 1000 };
  const asked = await c.peerings.createOrUpdate(GROUP, task.exchange, peering("IxRs", [
    connection(10_000, { bgpSession, sessionAddressProvider: "Peer", useForPeeringService: true }),
  ]));
  assert.equal(asked.direct.directPeeringType, "IxRs");
  const made = await c.registeredAsns.createOrUpdate(GROUP, task.exchange, "own", { asn: task.asn });
  assert.equal(made.asn, task.asn);
  assert.equal((await c.registeredAsns.get(GROUP, task.exchange, "own")).name, "own");
  assert.deepEqual(named(await c.registeredAsns.listByPeering(GROUP, task.exchange)), ["own"]);
  await c.registeredAsns.delete(GROUP, task.exchange, "own");
  await removePeering(c, task.exchange);
}

async function tags(c) {
  for (const [group, name] of [[c.peerings, task.peering], [c.peeringServices, SERVICE]]) {
    const kept = await group.update(GROUP, name, { tags: { room: "B 12", Größe: "ü" } });
    assert.deepEqual(kept.tags, { room: "B 12", Größe: "ü" });
    assert.deepEqual((await group.get(GROUP, name)).tags, kept.tags);
    assert(named(await group.listByResourceGroup(GROUP)).includes(name));
    assert(named(await group.listBySubscription()).includes(name));
  }
}

async function refusals(c, stranger) {
  await refused(404, "ResourceNotFound", () => c.peerings.get(GROUP, "nothing"));
  const told = await refused(400, "PeerAsnReserved", () => c.peerAsns.createOrUpdate("private", claim(64512, "Private")));
  assert.match(told.message, /RFC 6996/);
  await refused(409, "PeerAsnInUse", () => c.peerAsns.delete(task.asn_name));
  const stale = withHeader("If-Match", '"never-given"');
  const other = { tags: { room: "B 13" } };
  await refused(412, "PreconditionFailed", () => c.peerings.update(GROUP, task.peering, other, stale));
  const etag = (await headersOf((o) => c.peerings.get(GROUP, task.peering, o))).get("ETag");
  await c.peerings.update(GROUP, task.peering, other, withHeader("If-Match", etag));
  await refused(412, "PreconditionFailed", () =>
    c.peerAsns.createOrUpdate(task.asn_name, claim(task.asn, task.provider), withHeader("If-None-Match", "*")));
  await refused(401, "AuthenticationFailed", () => stranger.peerAsns.listBySubscription());
}

/** What the newer version shows of the same resources, to a client that hardly knows it. */
async function newer(c) {
  assert.equal((await c.peerAsns.get(task.asn_name)).validationState, "Approved");
  const seen = await c.peerings.get(GROUP, task.peering);
  assert(all(seen.direct.connections, "Active"), JSON.stringify(seen));
  assert.equal((await c.registeredPrefixes.get(GROUP, task.peering, "sbc-0")).prefixValidationState, "Verified");
  assert.deepEqual(named(await c.prefixes.listByPeeringService(GROUP, SERVICE)), ["sbc-0"]);
  assert((await c.receivedRoutes.listByPeering(GROUP, task.peering)).length > 0);
  const headers = await headersOf((o) => c.peerAsns.get(task.asn_name, o));
  assert(headers.get("x-ms-request-id") && headers.get("x-ms-correlation-request-id"));
}

async function removePeering(c, name) {
  await c.peerings.delete(GROUP, name);
  await until(`${name} is gone`, () => c.peerings.listByResourceGroup(GROUP), (left) => !named(left).includes(name));
}

async function remove(c) {
  await c.prefixes.delete(GROUP, SERVICE, "sbc-0");
  await until("no prefix is activated", () => c.prefixes.listByPeeringService(GROUP, SERVICE), (l) => l.length === 0);
  await c.peeringServices.delete(GROUP, SERVICE);
  for (const i of [0, 1, 2]) await c.registeredPrefixes.delete(GROUP, task.peering, `sbc-${i}`);
  await until("no prefix is registered", () => c.registeredPrefixes.listByPeering(GROUP, task.peering),
    (l) => l.length === 0);
  await removePeering(c, task.peering);
  await ask("uncable", { peering: task.peering, nodes: task.nodes });
  await c.peerAsns.delete(task.asn_name);
  await until("no ASN is associated", () => c.peerAsns.listBySubscription(), (l) => l.length === 0);
}

const client = make(task.token, task.api_version ? { apiVersion: task.api_version } : {});
const record = new Recorder(client);
const stranger = make("nobody");
new Recorder(stranger);
const newest = make(task.token, { apiVersion: NEWEST });
new Recorder(newest);
await associate(client);
await request(client);
await ask("meet", { at: "active" });
const key = await register(client);
await routes(client);
await activate(client, key);
await monitor(client);
await look(client);
await routeServer(client);
await tags(client);
await newer(newest);
await refusals(client, stranger);
await ask("meet", { at: "done" });
await remove(client);
record.everyOperationWasCalled();
end();
