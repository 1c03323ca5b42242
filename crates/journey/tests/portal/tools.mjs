// What a peer looks things up with: received routes, compliance, metrics, events, configuration, JSON, tags, looking
// glass, search. Each is used once.

import assert from "node:assert/strict";
import { task } from "../clients/world.mjs";
import { NARROW, WIDE, says } from "./browser.mjs";
import { check, look } from "./look.mjs";
import { at } from "./peering.mjs";

/** All of them. */
export async function useEach(peer) {
  const { page } = peer;
  const tab = async (name) => {
    await page.goto(at(task.peering));
    await page.getByRole("main").getByRole("navigation").getByRole("link", { name, exact: true }).click();
    await page.waitForLoadState();
  };
  await tab("Received routes");
  await routes(page);
  await look(peer, page, "peer-received-routes");
  await tab("Compliance");
  await says(page, "Redundant connections");
  await tab("Metrics");
  await page.getByRole("link", { name: "1 day" }).click();
  await measured(page);
  await look(peer, page, "peer-metrics");
  await tab("Events and mails");
  await says(page, /Connection is Active|became Active|Active/);
  await tab("Router configuration");
  await configuration(page);
  await tab("Tags");
  await tags(page);
  await tab("JSON view");
  await says(page, "Microsoft.Peering/peerings");
  await glass(page);
  await look(peer, page, "peer-looking-glass");
  await search(page);
  await menu(peer);
}

/** A minute is measured once it is over. */
async function measured(page) {
  const chart = page.getByRole("main").getByRole("img").first();
  for (const until = Date.now() + 120_000; !await chart.isVisible() && Date.now() < until;) {
    await page.waitForTimeout(2_000);
    await page.reload();
  }
  await chart.waitFor();
}

/** On a phone the navigation is behind a button. */
async function menu(peer) {
  const { page } = peer;
  await page.setViewportSize(NARROW);
  const link = page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Locations" });
  assert(!await link.isVisible(), "the navigation isn't in the way");
  await page.getByRole("button", { name: "Navigation" }).click();
  await check(peer, page, "narrow, with its menu");
  await link.click();
  await page.waitForURL("/locations");
  await page.setViewportSize(WIDE);
}

async function routes(page) {
  const rows = page.getByRole("main").locator("tbody tr");
  await page.getByRole("textbox", { name: "Prefix" }).fill(task.prefix);
  await page.getByRole("combobox", { name: "Outcome" }).selectOption("true");
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.waitForURL(/accepted=true/);
  assert.equal(await rows.count(), task.nodes.length, "the prefix is received and accepted on each session");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Export CSV" }).click();
  assert.match((await download).suggestedFilename(), /\.csv$/);
}

async function configuration(page) {
  await page.getByRole("link", { name: /^BIRD/ }).click();
  await page.getByRole("button", { name: /^Copy the configuration/ }).first().click();
  const text = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(text, /protocol bgp/, "BIRD's configuration was copied");
}

async function tags(page) {
  await page.getByLabel("Name of tag 1").fill("cost centre");
  await page.getByLabel("Value of tag 1").fill("<b>4711</b>");
  await page.getByRole("button", { name: "Save" }).click();
  await says(page, "The tags are saved.");
  assert.equal(await page.getByLabel("Value of tag 1").inputValue(), "<b>4711</b>");
}

async function glass(page) {
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Looking glass" }).click();
  await page.getByLabel(/^Command/).selectOption("BgpRoute");
  await page.getByLabel(/^From/).selectOption("Amsterdam");
  await page.getByLabel(/^Destination/).fill(task.prefix.replace(".0/24", ".1"));
  await page.getByRole("button", { name: "Look" }).click();
  await page.getByLabel("Output").getByText("64510").first().waitFor();
}

async function search(page) {
  await page.keyboard.press("Escape");
  await page.locator("h1").click();
  await page.keyboard.press("/");
  await page.keyboard.type(task.prefix);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/search\?/);
  await says(page, "sbc-1");
}
