// Opens every page that can be reached by links. Of addresses that differ by their parameters only, one is opened;
// the others are asked for, and have to answer.

import { task } from "../clients/world.mjs";
import { faults } from "./browser.mjs";
import { look, opened, pattern } from "./look.mjs";

/** Questions at the same time. */
const AT_ONCE = 4;

/** Addresses of one kind: the same page, asked with the same parameters. */
const kind = (address) => {
  const { pathname, searchParams } = new URL(address, task.base);
  return `${pattern(pathname) ?? pathname}?${[...new Set(searchParams.keys())].sort()}`;
};

/** What a page's screenshots are called: `peer-peerings-one-json-of`. */
const slug = (address, who) => {
  const { pathname, searchParams } = new URL(address, task.base);
  const steps = (pattern(pathname) ?? pathname).split("/").filter(Boolean);
  const words = steps.map((step) => (step.startsWith("{") ? "one" : step)).filter((s, i, all) => s !== all[i - 1]);
  return [who.name, ...(words.length ? words : ["home"]), ...new Set(searchParams.keys())].join("-");
};

/** The same page in another order is as sound as it was. */
const isOrder = (address) => new URL(address, task.base).searchParams.has("sort");

/** Links of the page that is open, without their fragments: pages, and files to take away. */
const links = (page) => page.evaluate(() => [...document.querySelectorAll("a[href]")].map((a) => {
  const { origin, pathname, search } = new URL(a.getAttribute("href"), location.href);
  return { origin, address: pathname + search, file: a.hasAttribute("download") };
}));

/** Opens all that `who` comes to from `first`. Looks closely at those whose pattern `closely` takes. */
export async function crawl(who, page, first, closely) {
  const next = [...first];
  const known = new Set(next);
  const kinds = new Set();
  const others = [];
  while (next.length > 0) {
    const address = next.shift();
    if (kinds.has(kind(address))) {
      others.push(address);
      continue;
    }
    kinds.add(kind(address));
    opened(address);
    await page.goto(address);
    if (closely(pattern(page.url())) && !isOrder(address)) await look(who, page, slug(page.url(), who));
    else opened(page.url());
    for (const { origin, address, file } of await links(page)) {
      if (origin !== task.base) faults.push(`${who.name} at ${page.url()}: links to ${origin}`);
      else if (!known.has(address)) {
        known.add(address);
        (file ? others : next).push(address);
      }
    }
  }
  await answer(page, others);
  return kinds.size;
}

/** What isn't opened answers all the same; a failure is noted by who watches the page. */
async function answer(page, addresses) {
  await page.evaluate(async ([addresses, atOnce]) => {
    const left = [...addresses];
    const ask = async () => { for (let one = left.pop(); one; one = left.pop()) await (await fetch(one)).text(); };
    await Promise.all(Array.from({ length: atOnce }, ask));
  }, [addresses, AT_ONCE]);
}
