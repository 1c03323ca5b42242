// Peerings: created by the keyboard alone and by the mouse, approved, cabled by what the pages show, and watched on
// their way to Active.

import assert from "node:assert/strict";
import { ask, task } from "../clients/world.mjs";
import { PATIENCE_MS, another, fact, mark, says, stayed } from "./browser.mjs";
import { Keyboard } from "./keyboard.mjs";
import { look } from "./look.mjs";

const LIST = "/peerings";
const step = (name) => new RegExp(`/peerings/create/${name}\\?`);

/** The address of a peering. */
export const at = (name, rest = "") => `/peerings/${task.subscription}/${task.group}/${name}${rest}`;

/** Voice with two connections, without a mouse. */
export async function createByKeyboard(peer) {
  const { page } = peer;
  const keys = new Keyboard(page);
  await page.goto(LIST);
  await keys.skip();
  await keys.use("link", "Create a peering", "/peerings/create");
  await keys.skip();
  await look(peer, page, "peer-create-basics");
  await keys.write(/^Resource group/, task.group);
  await keys.write(/^Name/, task.peering);
  await keys.to(page.getByLabel(/^Peer ASN/));
  await keys.use("button", "Next: Configuration", step("configuration"));
  await keys.skip();
  await keys.choose(/^Network/, "AS64500", () => page.waitForURL(/type=Edge/));
  await keys.choose(/^Network/, "AS64500 (with Voice)", () => page.waitForURL(/type=Voice/));
  await keys.choose(/^Peering location/, "Amsterdam");
  for (const first of [true, false]) {
    await keys.use("button", "Add connection", step("connection"), first ? "Enter" : "Space");
    await keys.skip();
    if (first) {
      await keys.choose(/^Bandwidth/, "20 Gbps");
      await keys.write(/^Maximum of IPv4/, "0");
      await keys.use("button", "Save", step("connection"));
      await keys.skip();
      await look(peer, page, "peer-create-connection-refused");
      await keys.write(/^Maximum of IPv4/, "1000");
    }
    await keys.use("button", "Save", step("configuration"));
  }
  assert.equal(await page.getByRole("main").getByText("20 Gbps").count(), 2, "two connections are in the grid");
  await look(peer, page, "peer-create-configuration");
  await keys.use("button", "Next: Review + create", step("review"));
  await says(page, "Validation passed.");
  await look(peer, page, "peer-create-review");
  await keys.skip();
  // One too far, and back.
  await keys.to(page.getByRole("main").getByRole("link", { name: "Cancel" }));
  await keys.to(page.getByRole("button", { name: "Create", exact: true }), true);
  await keys.use("button", "Create", at(task.peering, "/deployment"));
  await says(page, "Pending approval");
}

/** The same in another metro by the mouse, with a connection too many that is changed and taken out again. */
export async function createByMouse(peer) {
  const { page } = peer;
  await page.goto(LIST);
  await page.getByRole("main").getByRole("link", { name: "Create a peering" }).first().click();
  await basics(page, task.second);
  await page.getByLabel(/^Peering location/).selectOption("Frankfurt");
  for (let i = 0; i < 3; i += 1) {
    await page.getByRole("button", { name: "Add connection" }).click();
    await page.getByLabel(/^Bandwidth/).selectOption("10000");
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL(step("configuration"));
  }
  await page.getByRole("button", { name: "Edit connection 3" }).click();
  await page.getByLabel(/^Maximum of IPv4/).fill("500");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("IPv4 500").waitFor();
  await page.getByRole("button", { name: "Remove connection 3" }).click();
  await page.getByText("IPv4 500").waitFor({ state: "detached" });
  await finish(page, task.second);
}

async function basics(page, name) {
  await page.getByLabel(/^Resource group/).fill(task.group);
  await page.getByLabel(/^Name/).fill(name);
  await page.getByRole("button", { name: "Next: Configuration" }).click();
}

async function finish(page, name) {
  await page.getByRole("button", { name: "Next: Review + create" }).click();
  await says(page, "Validation passed.");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.waitForURL(at(name, "/deployment"));
}

/** At an exchange with a route server, where ASNs are registered. */
export async function createAtRouteServer(peer) {
  const { page } = peer;
  await page.goto("/peerings/create");
  await basics(page, task.exchange);
  await page.getByLabel(/^Network/).selectOption("IxRs");
  await page.waitForURL(/type=IxRs/);
  await page.getByLabel(/^Peering location/).selectOption("Amsterdam");
  await page.getByRole("button", { name: "Add connection" }).click();
  await page.getByLabel(/^Session prefix IPv4/).fill("198.19.240.0/31");
  await page.getByRole("button", { name: "Save" }).click();
  await finish(page, task.exchange);
  await page.goto(at(task.exchange, "/registered-asns"));
  await page.getByRole("link", { name: "Register an ASN" }).click();
  await page.getByLabel(/^Name/).fill("behind-us");
  await page.getByLabel(/^ASN/).fill("64510");
  await page.getByRole("button", { name: "Register" }).click();
  await says(page, "behind-us");
  await look(peer, page, "peer-registered-asns");
  await page.getByRole("main").getByRole("link", { name: "Delete" }).click();
  await look(peer, page, "peer-registered-asn-delete");
  await page.getByRole("main").getByRole("link", { name: "Cancel" }).click();
}

/** A page that is open while its peering is deleted says so, and leads back to the list. */
export async function deletedWhileOpen(peer) {
  const { page } = peer;
  // The answer 404 is no fault of this one.
  const open = await peer.context.newPage();
  await open.goto(at(task.exchange));
  await page.goto(at(task.exchange, "/delete"));
  await page.getByLabel(/^Type .* to confirm/).fill(task.exchange);
  await page.getByRole("button", { name: "Delete peering" }).click();
  await page.waitForURL(LIST);
  await says(open, "This was deleted");
  assert.equal(await open.getByRole("main").locator(".badge").count(), 0, "no state of it is shown any more");
  assert(!await open.locator("#offline").isVisible(), "nothing is wrong with the server");
  await open.getByRole("link", { name: "Back to Peerings" }).click();
  await open.waitForURL(LIST);
  await open.close();
}

/** The operator decides about everything that waits, after looking at what each changes on the router. */
export async function approve(operator) {
  const { page } = operator;
  for (let first = true; ; first = false) {
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Queue" }).click();
    await page.getByRole("heading", { name: "Queue" }).waitFor();
    const name = new RegExp(`^Connection (${task.peering}|${task.second})-[0-9]+$`);
    const next = page.getByRole("main").getByRole("link", { name });
    if (await next.count() === 0) return;
    if (first) await look(operator, page, "operator-queue");
    await next.first().click();
    await page.locator("#preview").getByText("At once, on").waitFor();
    await page.locator("#preview .diff .added").first().waitFor();
    if (first) {
      await look(operator, page, "operator-queue-connection");
      const own = page.url();
      await page.goto(`${own}/preview`);
      await look(operator, page, "operator-queue-preview");
      await page.goto(own);
    }
    await page.getByLabel(/^Reason/).fill("ports are free on two routers");
    await page.getByRole("button", { name: "Approve" }).click();
    await says(page, "Approved by");
  }
}

/** Opens the page that shows a peering's progress. */
export async function deployment(peer, name) {
  const page = await another(peer);
  await page.goto(at(name, "/deployment"));
  await look(peer, page, "peer-deployment");
  await mark(page);
  return page;
}

/** Has the provider's staff cable and configure their routers by what the portal shows them. */
export async function cable(peer, name, nodes) {
  const { page } = peer;
  await page.goto(at(name, "/connections"));
  await mark(page);
  // The addresses come by themselves.
  await page.locator('[data-title="Your address"]').nth(nodes.length - 1).waitFor();
  await stayed(page);
  const cards = await page.getByRole("main").locator("section.card").all();
  assert.equal(cards.length, nodes.length, `connections of ${name}`);
  for (const [i, card] of cards.entries()) {
    const text = async (title) => (await card.locator(`[data-title="${title}"]`).allInnerTexts()).map((t) => t.trim());
    const code = (title) => card.locator(`[data-title="${title}"] code`).first().innerText();
    await ask("cable", {
      node: nodes[i],
      router: (await fact(card, "Our router").innerText()).trim(),
      ports: await text("Port"),
      own: await code("Your address"),
      host: await code("Our address"),
    });
  }
}

/** The open page tells that all is done. */
export async function completes(page) {
  await says(page, "Your peering is complete");
  await stayed(page);
  await page.close();
}

/** A link is cut and comes back, before somebody who only looks. */
export async function seesACut(peer) {
  const { page } = peer;
  await page.goto(at(task.peering));
  await page.getByRole("img", { name: /2 of 2 sessions up|1 of 1 sessions? up/ }).first().waitFor();
  await look(peer, page, "peer-peering");
  await mark(page);
  const bad = () => page.getByRole("main").locator(".bad").count();
  const before = await bad();
  await ask("cut", { node: task.nodes[0] });
  await page.waitForFunction((before) => document.querySelectorAll("main .bad").length > before, before);
  await look(peer, page, "peer-peering-cut");
  await ask("mend");
  const well = (before) => document.querySelectorAll("main .bad").length <= before;
  await page.waitForFunction(well, before, { timeout: PATIENCE_MS });
  await stayed(page);
}
