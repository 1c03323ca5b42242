// The addresses that the portal answers, read from where it registers them: a page that nobody looked at is found by
// that.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** What isn't a page. */
const NO_PAGES = ["/live", "/assets/{file}"];

const sources = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return entry.name.endsWith(".rs") ? [readFileSync(path, "utf8")] : [];
  });

/** Every address that a GET is answered at, as patterns such as `/peer-asns/{subscription}/{name}`. */
export function pages(folder) {
  const found = new Set();
  for (const text of sources(folder)) {
    const one = text.match(/const ONE: &str =\s*"([^"]+)"/)?.[1]
      ?? text.match(/let below = \|\w+: &str\| format!\("([^"]+)\{\w+\}"\)/)?.[1].replaceAll(/(\{)\{|(\})\}/g, "$1$2");
    const calls = [...text.matchAll(/\.route\(/g)].length;
    const read = [...text.matchAll(/\.route\(\s*(?:(ONE)|&below\("([^"]+)"\)|"([^"]+)")\s*,\s*(\w+)\(/g)];
    assert.equal(read.length, calls, `a route isn't registered as this reads them: ${text.slice(0, 80)}`);
    for (const [, own, below, whole, method] of read) {
      assert(whole || one, "routes below a thing need its address");
      if (method === "get") found.add(whole ?? (own ? one : one + below));
    }
  }
  for (const path of NO_PAGES) assert(found.delete(path), `${path} isn't registered any more`);
  assert(found.size > 50, `only ${found.size} pages were found`);
  return [...found].sort();
}

/** The pattern of an address; one with fewer parameters comes first, as the portal itself decides. */
export function patternOf(patterns, path) {
  const steps = path.split("/");
  const fits = (pattern) => {
    const own = pattern.split("/");
    return own.length === steps.length && own.every((step, i) => step.startsWith("{") || step === steps[i]);
  };
  const parameters = (pattern) => pattern.split("{").length;
  return patterns.filter(fits).sort((a, b) => parameters(a) - parameters(b))[0];
}
