// Looks at a page as it is: by axe, in light and dark, wide and narrow, without loading it again. With a folder for
// screenshots it leaves one of each.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { task } from "../clients/world.mjs";
import { NARROW, WIDE, faults } from "./browser.mjs";
import { pages, patternOf } from "./routes.mjs";

const AXE = readFileSync(join(task.modules, "node_modules/axe-core/axe.min.js"), "utf8");
const EVERYTHING = { resultTypes: ["violations"], preload: false };
// Colours are all that differs between light and dark.
const COLOURS = { ...EVERYTHING, runOnly: { type: "rule", values: ["color-contrast", "link-in-text-block"] } };
/** Room below the content of a page, such as its margin. */
const MOST_EMPTY_PX = 64;
/** Longer pages are cut off on screenshots. */
const LONGEST_PX = 4000;

const patterns = pages(task.pages);
const seen = new Set();

/** The pattern of an address, such as `/peer-asns/{subscription}/{name}`. */
export const pattern = (address) => patternOf(patterns, new URL(address, task.base).pathname);

/** Notes that an address was opened. */
export function opened(address) {
  const own = pattern(address);
  if (own) seen.add(own);
}

/** Patterns of pages that nobody opened. */
export const missed = () => patterns.filter((one) => !seen.has(one));

/** Looks at the page that is open; `name` is what its screenshots are called. */
export async function look(who, page, name) {
  opened(page.url());
  await page.evaluate(() => document.fonts.ready);
  for (const [size, viewport] of [["wide", WIDE], ["narrow", NARROW]]) {
    await page.setViewportSize(viewport);
    await fits(who, page, size);
    for (const scheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: scheme });
      await check(who, page, `${size}, ${scheme}`, scheme === "light" ? EVERYTHING : COLOURS);
      if (task.screenshots) await shoot(page, `${name}-${size}-${scheme}`);
    }
    await page.emulateMedia({ colorScheme: "light" });
  }
  await page.setViewportSize(WIDE);
}

const where = (who, page, how) => `${who.name} at ${page.url().replace(task.base, "")} (${how})`;

/** The document itself never scrolls sideways, and ends where its content does. */
async function fits(who, page, how) {
  const empty = await page.evaluate(() => {
    const end = document.querySelector("main").getBoundingClientRect().bottom + scrollY;
    return document.documentElement.scrollHeight - Math.max(end, innerHeight);
  });
  if (empty > MOST_EMPTY_PX) faults.push(`${where(who, page, how)}: has ${empty} empty pixels below its content`);
  const over = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return null;
    const wide = [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > width + 1);
    const names = wide.slice(-3).map((e) => `${e.tagName.toLowerCase()}.${e.className?.baseVal ?? e.className}`);
    return names.join(", ") || "something outside of the content";
  });
  if (over) faults.push(`${where(who, page, how)}: scrolls sideways, for instance for ${over}`);
}

/** What axe has to say of the page as it is. */
export async function check(who, page, how, options = EVERYTHING) {
  if (!await page.evaluate(() => "axe" in window)) await page.evaluate(AXE);
  const violations = await page.evaluate(async (options) => {
    const { violations } = await window.axe.run(document, options);
    const node = (n) => `${n.target.join(" ")} ${n.html.slice(0, 120)}`;
    return violations.map((v) => [v.id, v.help, v.nodes.slice(0, 3).map(node)]);
  }, options);
  for (const [id, help, nodes] of violations) {
    faults.push(`${where(who, page, how)}: axe ${id}: ${help}: ${nodes.join(" | ")}`);
  }
}

/** A whole page as WebP, which the browser writes small. */
async function shoot(page, name) {
  const { width, height } = page.viewportSize();
  const whole = async () => Math.min(await page.evaluate(() => document.documentElement.scrollHeight), LONGEST_PX);
  // What is as high as the window, such as the navigation, is then as high as the picture.
  await page.setViewportSize({ width, height: Math.max(height, await whole()) });
  await page.evaluate(() => scrollTo(0, 0));
  const clip = { x: 0, y: 0, width, height: await whole(), scale: 1 };
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot",
    { format: "webp", quality: 70, captureBeyondViewport: true, clip });
  await session.detach();
  await page.setViewportSize({ width, height });
  mkdirSync(task.screenshots, { recursive: true });
  writeFileSync(join(task.screenshots, `${name}.webp`), Buffer.from(data, "base64"));
}
