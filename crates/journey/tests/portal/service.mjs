// Prefixes and the peering service that optimizes their routing.

import assert from "node:assert/strict";
import { ask, task } from "../clients/world.mjs";
import { PATIENCE_MS, fact, mark, says, stayed } from "./browser.mjs";
import { Keyboard } from "./keyboard.mjs";
import { look } from "./look.mjs";
import { at } from "./peering.mjs";

const SERVICE = "/peering-services";

/** Before a connection is Active nothing can be registered, and the page says so. It stays open. */
export async function cannotRegisterYet(peer) {
  const { page } = peer;
  await page.goto(at(task.peering, "/registered-prefixes"));
  await says(page, "Prefixes can be added once a connection is Active.");
  const add = page.getByRole("main").getByText("Add registered prefix");
  assert.equal(await add.first().getAttribute("aria-disabled"), "true", "Add can't be used yet");
  assert.equal(await page.getByRole("main").locator('a[href$="/registered-prefixes/add"]').count(), 0, "nor its link");
  await look(peer, page, "peer-prefixes-not-yet");
  await mark(page);
}

/** By the page that was opened before. Gives the key, copied by its button. */
export async function register(peer) {
  const { page } = peer;
  const add = page.getByRole("main").locator('a[href$="/registered-prefixes/add"]').first();
  await add.waitFor({ timeout: PATIENCE_MS });
  await stayed(page);
  await add.click();
  await page.getByLabel(/^Name/).fill("sbc-1");
  await page.getByLabel(/^Prefix/).fill("10.0.0.0/24");
  await page.getByLabel("Media", { exact: true }).check();
  await page.getByLabel("Session border controller").check();
  await page.getByRole("button", { name: "Add" }).click();
  await page.locator("#prefix-error").waitFor();
  await look(peer, page, "peer-prefix-refused");
  assert(await page.getByLabel("Media", { exact: true }).isChecked(), "what was chosen stays chosen");
  await page.getByLabel(/^Prefix/).fill(task.prefix);
  await page.getByRole("button", { name: "Add" }).click();
  await says(page, "Pending");
  await mark(page);
  await ask("announce", { nodes: task.nodes, prefixes: [task.prefix] });
  await fact(page, "State").getByText("Verified").waitFor({ timeout: PATIENCE_MS });
  await stayed(page);
  const shown = await fact(page, "Prefix key").locator("code").innerText();
  await fact(page, "Prefix key").getByRole("button", { name: /^Copy/ }).click();
  await page.waitForFunction(() => document.querySelector(".copy.done, [data-copy].done"));
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(copied, shown, "the key that was copied is the one that is shown");
  await page.getByText("Why?").first().click();
  await look(peer, page, "peer-prefix");
}

/** With primary and backup location, without a mouse; the key is pasted. */
export async function createByKeyboard(peer) {
  const { page } = peer;
  const keys = new Keyboard(page);
  const step = (name) => new RegExp(`${SERVICE}/create/${name}\\?`);
  await page.goto(SERVICE);
  await keys.skip();
  await keys.use("link", "Create a peering service", `${SERVICE}/create`);
  await keys.skip();
  await look(peer, page, "peer-service-basics");
  await keys.write(/^Resource group/, task.group);
  await keys.write(/^Name/, task.service);
  await keys.use("button", "Next: Configuration", step("configuration"));
  await keys.skip();
  await keys.choose(/^Location/, task.place);
  await keys.choose(/^Provider/, "Contoso Voice");
  await keys.choose(/^Primary peering location/, "Amsterdam");
  await keys.choose(/^Backup peering location/, "Frankfurt");
  const rows = page.waitForEvent("load");
  await keys.to(page.getByRole("button", { name: "Add a prefix" }));
  await page.keyboard.press("Enter");
  await rows;
  await keys.write(/^Name/, "sbc-1");
  await keys.write(/^Prefix$/, "198.19.99.0/24");
  await look(peer, page, "peer-service-configuration");
  await keys.use("button", "Next: Review + create", step("review"));
  await keys.skip();
  await keys.paste(/^Prefix key/);
  await keys.use("button", "Create", `${SERVICE}/create`);
  await page.getByRole("main").locator(".error").first().waitFor();
  await look(peer, page, "peer-service-refused");
  await keys.skip();
  await keys.use("link", "Previous", step("configuration"));
  // Back to what was refused, which isn't sent again for that.
  await page.goBack();
  await page.getByRole("main").locator(".error").first().waitFor();
  await page.goForward();
  await page.reload();
  await keys.skip();
  await keys.write(/^Prefix$/, task.prefix);
  await keys.use("button", "Next: Review + create", step("review"));
  await says(page, "Validation passed.");
  await look(peer, page, "peer-service-review");
  await page.reload();
  await keys.skip();
  await keys.paste(/^Prefix key/);
  await keys.use("button", "Create", `${SERVICE}/${task.subscription}/${task.group}/${task.service}`);
  await mark(page);
}

/** The page shows where the traffic is, and what is missing: the prefix at the backup location. */
export async function showsThePath(peer) {
  const { page } = peer;
  await says(page, "Not received at the backup location");
  await ask("announce", { nodes: task.second_nodes, prefixes: [task.prefix] });
  await says(page, "Verified");
  await says(page, /Primary: Amsterdam/);
  await stayed(page);
  await look(peer, page, "peer-service");
}
