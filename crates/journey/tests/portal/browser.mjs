// A browser with people before it, each with cookies of their own. Everything that a page says or asks for besides
// what it shows is watched: errors in the console, exceptions, requests that leave the portal, failed answers.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { task } from "../clients/world.mjs";

const { chromium } = createRequire(`${task.modules}/`)("playwright-core");

/** How long a person waits for something that needs the network behind the portal. */
export const PATIENCE_MS = 60_000;
export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 360, height: 740 };
// The browser speaks to the portal only, whatever it would do by itself.
const SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
  "--disable-background-networking", "--disable-component-update"];

/** What went wrong, gathered over the whole walk and told at its end. */
export const faults = [];

/** Starts the browser. */
export const start = () => chromium.launch({ executablePath: task.chromium, args: SWITCHES });

/** Somebody before the browser. */
export async function person(browser, name) {
  const context = await browser.newContext({ viewport: WIDE, reducedMotion: "reduce", baseURL: task.base });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: task.base });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  watch(page, name);
  return { name, context, page };
}

/** Another page of the same person. */
export async function another(who) {
  const page = await who.context.newPage();
  watch(page, who.name);
  return page;
}

function watch(page, name) {
  const at = () => `${name} at ${page.url().replace(task.base, "")}`;
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`${at()}: console: ${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => faults.push(`${at()}: exception: ${error.message}`));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${task.base}/`) && !url.startsWith("data:")) faults.push(`${at()}: asks for ${url}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${at()}: ${response.status()} for ${response.url()}`);
  });
}

/** Waits until words are on the page. */
export const says = (page, words, timeout = PATIENCE_MS) =>
  page.getByRole("main").getByText(words).filter({ visible: true }).first().waitFor({ timeout });

/** The value of a name in the facts of a part of a page, such as `State`. */
export const fact = (part, name) => part.locator(`dl.facts > div:has(> dt:text-is("${name}")) > dd`).first();

/** Notes that this very document is open. */
export const mark = (page) => page.evaluate(() => { document.documentElement.dataset.opened = "once"; });

/** What the page shows came by itself: it is the document that was marked. */
export async function stayed(page) {
  const is = await page.evaluate(() => document.documentElement.dataset.opened === "once");
  assert(is, `${page.url()} was loaded again instead of showing the change by itself`);
}
