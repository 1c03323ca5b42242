// Who comes in, and how they leave: invitations, sign-in and out, sessions that end, and what is nobody else's
// business.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { task, until } from "../clients/world.mjs";
import { another, person, says } from "./browser.mjs";
import { look } from "./look.mjs";

const PASSWORD = "correct horse battery";

/** The first operator, by the link that the product's log tells. */
export async function firstOperator(browser) {
  const who = await person(browser, "operator");
  await who.page.goto(task.invitation);
  await look(who, who.page, "invitation");
  await who.page.getByLabel("Name").fill("Olga Operator");
  await who.page.getByLabel("E-mail address").fill("olga@cloud.example");
  await password(who.page, "Choose a password");
  return who;
}

async function password(page) {
  await page.getByLabel("Password", { exact: false }).first().fill("short");
  await page.getByLabel("Password again").fill("short");
  await page.getByRole("button", { name: "Continue" }).click();
  await says(page, /12 characters/);
  await page.locator("#password").fill(PASSWORD);
  await page.getByLabel("Password again").fill(PASSWORD);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("heading", { name: "Home" }).waitFor();
}

/** Somebody whom the operator invites, by the link in the mail that comes. */
export async function invited(browser, operator, name, { full, email, subscription }) {
  const { page } = operator;
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "People" }).click();
  await page.getByRole("link", { name: "Invite somebody" }).click();
  await page.getByLabel("Name").fill(full);
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Role").selectOption("peer");
  await page.getByLabel("Subscriptions").fill(subscription);
  await page.getByRole("button", { name: "Invite" }).click();
  await says(page, `The link is being mailed to ${email}`);
  const who = await person(browser, name);
  const mail = await until(`the invitation of ${email}`, () => mailTo(email), (found) => found !== undefined);
  await who.page.goto(mail.match(/http\S+\/invitation\/\w+/)[0]);
  await says(who.page, email);
  await password(who.page);
  return who;
}

/** A mail that the server took for somebody. */
function mailTo(email) {
  const read = (name) => readFileSync(join(task.mails, name), "utf8").replaceAll(/=\r?\n/g, ""); // RFC 2045 §6.7
  const all = readdirSync(task.mails).map(read);
  return all.find((mail) => new RegExp(`^To:.*${email}`, "m").test(mail));
}

/** Pages of others, and the operators' side, are to a stranger as if they weren't there. */
export async function findsNothing(stranger, ...addresses) {
  const page = await stranger.context.newPage(); // its refusals are no faults
  for (const address of addresses) {
    const answer = await page.goto(address);
    assert.equal(answer.status(), 404, `a stranger gets ${answer.status()} for ${address}`);
  }
  await page.goto("/peerings");
  assert.equal(await page.getByText(task.peering).count(), 0, "a stranger sees the peering in the list");
  await page.close();
}

/** The operator ends all sessions of somebody, whose open page doesn't open any other then. */
export async function shutOut(operator, who, full) {
  await who.page.goto("/peerings");
  await operator.page.goto("/operate/people");
  await operator.page.getByRole("main").getByRole("link", { name: full }).click();
  await look(operator, operator.page, "operator-person");
  await operator.page.getByRole("button", { name: "End all sessions" }).click();
  await operator.page.getByRole("main").getByText("None.").waitFor();
  await who.page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Peer ASNs" }).click();
  await who.page.getByRole("heading", { name: "Sign in" }).waitFor();
}

/** Ends a session of one's own from another, and leaves. */
export async function leave(browser, who, email) {
  const elsewhere = await person(browser, `${who.name} elsewhere`);
  await elsewhere.page.goto("/account");
  await says(elsewhere.page, "No account?");
  await look(elsewhere, elsewhere.page, "sign-in");
  await elsewhere.page.getByLabel("E-mail address").fill(email);
  await elsewhere.page.getByLabel("Password").fill(PASSWORD);
  await elsewhere.page.getByRole("button", { name: "Sign in" }).click();
  await elsewhere.page.waitForURL("/account");
  await who.page.goto("/account");
  await who.page.getByRole("button", { name: "End this session" }).click();
  await who.page.waitForURL("/account");
  await elsewhere.page.goto("/peerings");
  assert.match(elsewhere.page.url(), /sign-in/, "an ended session doesn't open a page");
  const other = await another(who);
  await other.goto("/peerings");
  await who.page.getByRole("button", { name: "Sign out" }).click();
  await who.page.waitForURL("/sign-in");
  await other.goto("/peerings");
  assert.match(other.url(), /sign-in/, "after signing out no page opens");
}
