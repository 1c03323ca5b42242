// The walk through the portal by a browser: `node walk.mjs TASK`. An operator and a peer do in the portal whatever
// people do there, from the first sign-in to optimized routing; then every page is opened and looked at. What only the
// provider's staff can do with their routers is asked for, as the official clients' journeys do.

import assert from "node:assert/strict";
import { join } from "node:path";
import { end, say, task } from "../clients/world.mjs";
import * as asn from "./asn.mjs";
import { another, faults, start } from "./browser.mjs";
import { crawl } from "./crawl.mjs";
import { missed } from "./look.mjs";
import * as peering from "./peering.mjs";
import * as people from "./people.mjs";
import * as service from "./service.mjs";
import { useEach } from "./tools.mjs";

const PEER = "engineer@contoso.example";
const STRANGER = "someone@fabrikam.example";

/** Leaves what is on all open pages for a look. */
async function keep() {
  for (const [i, page] of browser.contexts().flatMap((context) => context.pages()).entries()) {
    console.error(`open when it failed: failed-${i}.png at ${page.url()}`);
    await page.screenshot({ path: join(task.state, `failed-${i}.png`), fullPage: true }).catch(() => {});
  }
  console.error([...new Set(faults)].join("\n"));
}

const began = Date.now();
async function act(what, done) {
  const since = Date.now();
  const result = await done().catch(async (error) => {
    await keep();
    throw new Error(`${what}: ${error.message}`, { cause: error });
  });
  say(`${((Date.now() - began) / 1000).toFixed(1)} s: ${what} (${((Date.now() - since) / 1000).toFixed(1)} s)`);
  return result;
}

const browser = await start();
const operator = await act("the first operator signs in", () => people.firstOperator(browser));
const peer = await act("a peer is invited and signs in", () =>
  people.invited(browser, operator, "peer", { full: "Petra Peer", email: PEER, subscription: task.subscription }));
await act("the peer associates an ASN", () => asn.associate(peer));
await act("the operator approves it", () => asn.approve(operator, peer));
await act("a peering is created by the keyboard", () => peering.createByKeyboard(peer));
await act("another by the mouse", () => peering.createByMouse(peer));
const progress = [await peering.deployment(peer, task.peering), await peering.deployment(peer, task.second)];
await act("the operator approves both", () => peering.approve(operator));
await act("both are cabled", async () => {
  await peering.cable(peer, task.peering, task.nodes);
  await peering.cable(peer, task.second, task.second_nodes);
});
await act("prefixes have to wait", () => service.cannotRegisterYet(peer));
await act("both become Active", () => Promise.all(progress.map(peering.completes)));
await act("a prefix is registered and verified", () => service.register(peer));
await act("a peering service is created by the keyboard", () => service.createByKeyboard(peer));
await act("its page shows the path", () => service.showsThePath(peer));
await act("a link is cut and comes back", () => peering.seesACut(peer));
await act("the tools are used", () => useEach(peer));
await act("a peering at a route server", () => peering.createAtRouteServer(peer));
await act("every page is opened", async () => {
  const isHost = (pattern) => pattern?.startsWith("/operate") ?? false;
  const search = "/search?q=contoso";
  const all = await Promise.all([
    crawl(peer, await another(peer), ["/", search], (pattern) => !isHost(pattern)),
    // What operators see as peers do is looked at closely there, but for home.
    crawl(operator, await another(operator), ["/", search], (pattern) => pattern === "/" || isHost(pattern)),
  ]);
  say(`${all.join(" and ")} kinds of pages were opened`);
});
await act("an open page of something deleted says so", () => peering.deletedWhileOpen(peer));
await act("others see nothing of it, and sessions end", async () => {
  const full = "Sam Stranger";
  const known = { full, email: STRANGER, subscription: task.other };
  const stranger = await people.invited(browser, operator, "stranger", known);
  const services = `/peering-services/${task.subscription}/${task.group}/${task.service}`;
  await people.findsNothing(stranger, peering.at(task.peering), peering.at(task.peering, "/connections"), services,
    "/operate/queue", "/operate/routers/ams1-er1");
  await people.shutOut(operator, stranger, full);
  await people.leave(browser, peer, PEER);
});
await browser.close();
end();
for (const one of missed()) faults.push(`nobody opened ${one}`);
assert.deepEqual([...new Set(faults)], [], "what is wrong with the pages");
