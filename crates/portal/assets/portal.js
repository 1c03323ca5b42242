// The little that pages do in the browser: times in the viewer's zone, copying, forms that are sent
// once, `/` for the search, and live parts that are asked for again when something changed.
"use strict";
(() => {
  // The choice between light and dark stays in this browser.
  const themed = (choice) => {
    if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
    else delete document.documentElement.dataset.theme;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === (choice ?? "system")));
    }
  };
  themed(localStorage.getItem("theme"));
  document.addEventListener("click", (event) => {
    const choice = event.target.closest("[data-theme-choice]")?.dataset.themeChoice;
    if (!choice) return;
    if (choice === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", choice);
    themed(choice === "system" ? null : choice);
  });

  const zone = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

  const localise = (root) => {
    for (const element of root.querySelectorAll("time[datetime]:not([data-local])")) {
      const at = new Date(element.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      element.dataset.local = "";
      element.title = at.toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC");
      element.textContent = zone.format(at);
    }
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.classList.add("done");
      button.title = "Copied";
      setTimeout(() => { button.classList.remove("done"); button.title = "Copy"; }, 1500);
    } catch {
      button.title = "The browser doesn't let this page copy";
    }
  });

  // The columns that were chosen for a table stay in this browser; the server reads them.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-columns]")) return;
    const boxes = [...form.querySelectorAll("input[name=column]")];
    const shown = boxes.filter((box) => box.checked).map((box) => box.value);
    const all = event.submitter?.value === "*" || shown.length === 0 || shown.length === boxes.length;
    document.cookie = `columns_${form.dataset.columns}=${shown.join(".")}; Path=/; SameSite=Lax; Secure; Max-Age=${all ? 0 : 31536000}`;
  });

  // Menus close when one goes on elsewhere.
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.dropdown[open]")) {
      if (menu !== except) menu.open = false;
    }
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.dropdown")));
  document.addEventListener("focusin", (event) => closeMenus(event.target.closest("details.dropdown")));
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest("details.dropdown[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    form.setAttribute("aria-busy", "true");
  });
  // Back from the next page, a form can be sent again.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const search = document.getElementById("search");
    if (search) { event.preventDefault(); search.focus(); }
  });

  // Where one is in a live part: what has the focus, and how far its regions are scrolled.
  let place = null;
  const sameAs = (element) => {
    if (element.id) return `#${CSS.escape(element.id)}`;
    for (const name of ["href", "data-copy", "name", "aria-label"]) {
      const value = element.getAttribute(name);
      if (value !== null) return `${element.localName}[${name}="${CSS.escape(value)}"]`;
    }
    return null;
  };
  const remember = (part) => {
    const focused = part.contains(document.activeElement) ? sameAs(document.activeElement) : null;
    const regions = [...part.querySelectorAll("[tabindex='0'], pre")];
    place = { id: part.id, focused, scrolled: regions.map((r) => [sameAs(r), r.scrollLeft, r.scrollTop]) };
  };
  const restore = () => {
    const part = place && document.getElementById(place.id);
    if (!part) return;
    for (const [region, left, top] of place.scrolled) {
      const element = (left || top) && region && part.querySelector(region);
      if (element) { element.scrollLeft = left; element.scrollTop = top; }
    }
    if (place.focused && document.activeElement === document.body) {
      part.querySelector(place.focused)?.focus({ preventScroll: true });
    }
    place = null;
  };

  // A live part that comes back as it was isn't swapped, so that nothing in it loses its place.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    if (!target?.id || event.detail.xhr.status !== 200) return;
    const fresh = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
    const part = fresh.getElementById(target.id);
    if (!part) {
      event.detail.shouldSwap = false;
      const at = new URL(event.detail.xhr.responseURL || location.href, location.href).pathname;
      if (at === "/sign-in") tellSignedOut();
      return;
    }
    localise(part);
    // What somebody opened stays open.
    const opened = new Set([...target.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent));
    for (const summary of part.querySelectorAll("details:not([open]) > summary")) {
      if (opened.has(summary.textContent)) summary.parentElement.open = true;
    }
    if (part.innerHTML === target.innerHTML) { event.detail.shouldSwap = false; return; }
    event.detail.serverResponse = part.outerHTML;
    remember(target);
  });
  document.addEventListener("htmx:afterSwap", () => { localise(document); restore(); });
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRF-Token"] = document.body.dataset.csrf ?? "";
  });

  // What is wrong with the connection, the most serious first; a page that can't be refreshed stays
  // as it is and says so.
  const TOLD = [
    ["signedOut", "You are signed out. Sign in in another tab, then reload this page."],
    ["away", "No connection to the server. What you see may be old; it catches up by itself."],
    ["failing", "The server can't refresh this page right now. What you see may be old; it catches up by itself."],
  ];
  const offline = document.getElementById("offline");
  const wrong = new Set();
  const tell = (what, is) => {
    if (is) wrong.add(what); else wrong.delete(what);
    const told = TOLD.find(([name]) => wrong.has(name));
    if (!offline) return;
    if (told && offline.textContent !== told[1]) offline.textContent = told[1];
    offline.hidden = !told;
  };
  const tellSignedOut = () => tell("signedOut", true);
  addEventListener("offline", () => tell("away", true));
  document.addEventListener("htmx:sendError", () => tell("away", true));
  // What the page is about was deleted: nothing of it stays, but where it was and the way back.
  let isGone = false;
  const tellGone = (gone) => {
    isGone = true;
    clearTimeout(again);
    source?.close();
    for (const name of [...wrong]) tell(name, false);
    for (const rest of document.querySelectorAll(".commands, header.title ~ :not(#gone)")) rest.remove();
    gone.hidden = false;
  };
  document.addEventListener("htmx:responseError", (event) => {
    const gone = event.detail.xhr.status === 404 && document.getElementById("gone");
    if (gone) tellGone(gone); else tell("failing", true);
  });
  document.addEventListener("htmx:afterOnLoad", (event) => {
    if (event.detail.xhr.status === 200) { tell("failing", false); tell("away", false); }
  });

  // Many changes are asked for as one, and a page that nobody sees waits until it is looked at.
  const PAUSE_MS = 500;
  let due = false, last = 0, timer;
  const changed = () => {
    if (document.hidden) { due = true; return; }
    clearTimeout(timer);
    const wait = last + PAUSE_MS - Date.now();
    if (wait > 0) { timer = setTimeout(changed, wait); return; }
    last = Date.now();
    due = false;
    document.body.dispatchEvent(new Event("changed"));
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden && due) changed(); });

  // The server ends the stream now and then; only what stays away is told.
  const AWAY_MS = 3000, AGAIN_MS = 5000;
  let source, again;
  const isSignedOut = async () => {
    try { return (await fetch("/sign-in", { redirect: "manual" })).status === 200; } catch { return false; }
  };
  const listen = () => {
    clearTimeout(again);
    source?.close();
    source = new EventSource("/live");
    const own = source;
    own.addEventListener("open", () => {
      tell("away", false);
      tell("signedOut", false);
      // What changed since the page was made, or while the connection was away.
      changed();
    });
    own.addEventListener("changed", changed);
    own.addEventListener("error", async () => {
      setTimeout(() => { if (own === source && own.readyState !== EventSource.OPEN) tell("away", true); }, AWAY_MS);
      if (own.readyState !== EventSource.CLOSED || isGone) return;
      if (await isSignedOut()) tellSignedOut();
      again = setTimeout(listen, AGAIN_MS);
    });
  };
  const isLive = () => !isGone && document.body.dataset.csrf !== undefined && document.querySelector("[hx-trigger*='changed']");
  addEventListener("online", () => { tell("away", false); if (isLive()) listen(); });
  addEventListener("pagehide", () => { clearTimeout(again); source?.close(); });
  // A page that the browser kept for going back listens anew.
  addEventListener("pageshow", (event) => { if (event.persisted && isLive()) listen(); });
  if (isLive()) listen();

  // Dragging over a chart shows that time: its page says the same in an address and in fields.
  const chartAt = (event) => event.target.closest?.("svg[data-from]");
  document.addEventListener("pointerdown", (event) => {
    const chart = chartAt(event);
    if (!chart || event.button !== 0) return;
    const { from, until, left, right } = chart.dataset;
    const box = chart.getBoundingClientRect();
    const begin = box.left + box.width * left, end = box.left + box.width * right;
    const within = (x) => Math.min(Math.max(x, begin), end);
    const start = within(event.clientX);
    const mark = document.createElement("div");
    mark.className = "drag";
    const draw = (x) => {
      const to = within(x);
      Object.assign(mark.style, { left: `${Math.min(start, to)}px`, width: `${Math.abs(to - start)}px`, top: `${box.top}px`, height: `${box.height}px` });
    };
    const move = (moved) => { if (!mark.isConnected && Math.abs(moved.clientX - start) > 4) document.body.append(mark); draw(moved.clientX); };
    const stop = (ended) => {
      for (const [name, handler] of [["pointermove", move], ["pointerup", stop], ["pointercancel", stop], ["keydown", escape]]) removeEventListener(name, handler);
      const was = mark.isConnected;
      mark.remove();
      if (!was || ended.type !== "pointerup") return;
      const at = (x) => Number(from) + (until - from) * (x - begin) / (end - begin);
      const times = [start, within(ended.clientX)].sort((a, b) => a - b).map(at);
      // Five minutes at least, in whole minutes.
      const first = Math.floor(times[0] / 6e4) * 6e4, last = Math.max(Math.ceil(times[1] / 6e4) * 6e4, first + 3e5);
      const address = new URL(location.href);
      address.searchParams.delete("range");
      address.searchParams.set("from", new Date(first).toISOString().slice(0, 16));
      address.searchParams.set("until", new Date(last).toISOString().slice(0, 16));
      location.assign(address);
    };
    const escape = (pressed) => { if (pressed.key === "Escape") stop(pressed); };
    addEventListener("pointermove", move);
    addEventListener("pointerup", stop);
    addEventListener("pointercancel", stop);
    addEventListener("keydown", escape);
    event.preventDefault();
  });

  localise(document);
})();
