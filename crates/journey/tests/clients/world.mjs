// What the JavaScript client's journey needs of the world: its task, the people it asks, and a record of what it
// called. As world.py has it: one line of JSON on standard output for each wish, one on standard input as answer.

import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";

// The client takes this for given; Node.js 18 has it only by another name.
globalThis.crypto ??= webcrypto;

const POLL_MS = 200;
const LIMIT_MS = 90_000;
const reader = createInterface({ input: process.stdin });
const answers = reader[Symbol.asyncIterator]();

/** What this journey is about, as the test wrote it. */
export const task = JSON.parse(process.argv[2]);

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

/** Tells the test how far it is. */
export const say = (words) => tell({ say: words });

/** Asks the test for something that only people can do; returns when it is done. */
export async function ask(wish, details = {}) {
  tell({ ask: wish, ...details });
  const { value, done } = await answers.next();
  assert(!done, `nobody answers the wish '${wish}'`);
  const { error, answer } = JSON.parse(value);
  assert(error === undefined, `${wish}: ${error}`);
  return answer;
}

/** Nothing is asked any more: the journey may end. */
export const end = () => reader.close();

/** Looks again and again until what is seen is as wished; gives it. */
export async function until(what, look, isSo) {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const seen = await look();
    if (isSo(seen)) return seen;
    assert(Date.now() < end, `${what}: not within ${LIMIT_MS} ms; last seen: ${JSON.stringify(seen)}`);
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/** Makes a call that must be refused with a status and code; gives the error. */
export async function refused(status, code, call) {
  let given;
  try {
    given = await call();
  } catch (error) {
    assert.equal(error.name, "RestError", String(error));
    assert.deepEqual([error.statusCode, error.code], [status, code], error.message);
    assert(error.message, "the refusal says nothing");
    return error;
  }
  return assert.fail(`${status} ${code} was awaited, and it was done: ${JSON.stringify(given)}`);
}

/** Stands around every operation of a client. Gives plain values: of a list all its elements. */
export class Recorder {
  missing = new Set();
  all = 0;
  pages = 0;

  constructor(client) {
    for (const [name, group] of Object.entries(client)) {
      if (group?.constructor?.name.endsWith("Impl")) this.#around(group, `${name}.`);
    }
    this.#around(client, "");
    this.all = this.missing.size;
  }

  #around(target, prefix) {
    for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(target))) {
      // What is private in the client's own source: helpers of its pagers, and how it sends its api-version.
      if (/^(constructor|_.*|.*Paging(Page|All)|addCustomApiVersionPolicy)$/.test(name)) continue;
      const method = target[name].bind(target);
      this.missing.add(prefix + name);
      target[name] = async (...given) => {
        const result = await this.#whole(method(...given));
        this.missing.delete(prefix + name); // a refused call doesn't count
        return result;
      };
    }
  }

  async #whole(given) {
    if (typeof given.byPage !== "function") return given;
    const pages = [];
    for await (const page of given.byPage()) pages.push(page);
    this.pages = Math.max(this.pages, pages.length);
    return pages.flat();
  }

  everyOperationWasCalled() {
    assert(this.all > 20, `only ${this.all} operations were found`);
    assert.deepEqual([...this.missing], [], "never called with success");
    assert(this.pages > 1, "no list had a second page");
    say(`${this.all} operations, lists in up to ${this.pages} pages`);
  }
}
