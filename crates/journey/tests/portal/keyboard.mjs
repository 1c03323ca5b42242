// Going through pages by the keyboard alone, as somebody does who has no mouse. After every key that moves the focus
// it has to be somewhere, in view, not covered, and marked.

import assert from "node:assert/strict";
import { faults } from "./browser.mjs";

/** Stops before a page is given up. */
const STOPS = 80;

/** What the focus is on, and what is wrong with how it is shown. Runs in the page. */
function look() {
  const element = document.activeElement;
  if (!element || element === document.body || element === document.documentElement) return { on: "nothing" };
  const name = element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent || "";
  const on = `${element.tagName.toLowerCase()}${element.id ? `#${element.id}` : ""} "${name.trim().slice(0, 40)}"`;
  const box = element.getBoundingClientRect();
  const style = getComputedStyle(element);
  // What takes the focus as a place only, by a link to it.
  const isPlace = element.tabIndex < 0;
  const isMarked = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  const wrong = [];
  if (!isPlace && !isMarked) wrong.push("isn't marked");
  if (box.width < 1 || box.height < 1) wrong.push("has no size");
  const inside = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
  if (!inside) wrong.push("is out of view");
  const [x, y] = [Math.min(Math.max(box.left + box.width / 2, 1), innerWidth - 1),
    Math.min(Math.max(box.top + Math.min(box.height, innerHeight) / 2, 1), innerHeight - 1)];
  const top = document.elementFromPoint(x, y);
  if (inside && !isPlace && top && !element.contains(top) && !top.contains(element)) {
    wrong.push(`is covered by ${top.tagName.toLowerCase()}.${top.className}`);
  }
  return { on, wrong };
}

export class Keyboard {
  constructor(page) {
    this.page = page;
  }

  /** Presses a key and looks where the focus is. */
  async press(key) {
    await this.page.keyboard.press(key);
    const seen = await this.page.evaluate(look);
    for (const wrong of seen.wrong ?? []) {
      faults.push(`keyboard at ${new URL(this.page.url()).pathname}: the focus on ${seen.on} ${wrong}`);
    }
    return seen.on;
  }

  /** Over the top bar and the navigation into the page, by its first link. */
  async skip() {
    const on = await this.press("Tab");
    assert.match(on, /Skip to content/, `the first stop of ${this.page.url()} is ${on}`);
    await this.press("Enter");
    assert.equal(await this.page.evaluate(() => document.activeElement.id), "content", "the link skips to the content");
  }

  /** Goes on to something by Tab, or back by Shift+Tab. */
  async to(target, back = false) {
    const way = [];
    for (let i = 0; i < STOPS; i += 1) {
      if (await this.isOn(target)) return;
      way.push(await this.press(back ? "Shift+Tab" : "Tab"));
    }
    assert.fail(`${target} isn't reached by Tab at ${this.page.url()}; on the way: ${way.join(" → ")}`);
  }

  isOn(target) {
    return target.evaluateAll((all) => all.includes(document.activeElement));
  }

  /** Writes into the next field that is called so, over what stands there. */
  async write(label, text) {
    await this.to(this.page.getByRole("main").getByLabel(label));
    await this.page.keyboard.press("Control+a");
    await this.page.keyboard.type(text);
  }

  /** Pastes into the next field that is called so. */
  async paste(label) {
    await this.to(this.page.getByRole("main").getByLabel(label));
    await this.page.keyboard.press("Control+v");
  }

  /** Chooses one of a list with the arrows, by its words or their beginning; `settled` waits for what comes of it. */
  async choose(label, words, settled = async () => {}) {
    const list = this.page.getByRole("main").getByLabel(label);
    await this.to(list);
    for (let i = 0; i < STOPS; i += 1) {
      const [now, wanted] = await list.evaluate((select, words) =>
      {
        const all = [...select.options].map((option) => option.textContent);
        const exact = all.indexOf(words);
        return [select.selectedIndex, exact < 0 ? all.findIndex((one) => one.startsWith(words)) : exact];
      }, words);
      assert(wanted >= 0, `${label} doesn't offer ${words}`);
      if (now === wanted) break;
      await this.press(now < wanted ? "ArrowDown" : "ArrowUp");
    }
    await settled();
    assert(await this.isOn(list), `${label} lost the focus when ${words} was chosen`);
  }

  /** Goes to a button or link and uses it; the page that comes of it is awaited. */
  async use(role, name, address, key = "Enter") {
    await this.to(this.page.getByRole("main").getByRole(role, { name, exact: true }));
    await Promise.all([this.page.waitForEvent("load"), this.page.keyboard.press(key)]);
    await this.page.waitForURL(address);
  }
}
