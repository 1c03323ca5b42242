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
    if (part.innerHTML === target.innerHTML) event.detail.shouldSwap = false;
    else event.detail.serverResponse = part.outerHTML;
  });
  document.addEventListener("htmx:afterSwap", () => localise(document));
  document.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRF-Token"] = document.body.dataset.csrf ?? "";
  });

  const offline = document.getElementById("offline");
  let signedOut = false;
  const tellSignedOut = () => {
    signedOut = true;
    if (!offline) return;
    offline.textContent = "You are signed out. Sign in in another tab, then reload this page.";
    offline.hidden = false;
  };
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
  let source;
  addEventListener("pagehide", () => source?.close());
  const listen = () => {
    source = new EventSource("/live");
    source.addEventListener("open", () => {
      if (offline && !signedOut) offline.hidden = true;
      // What changed since the page was made, or while the connection was away.
      changed();
    });
    source.addEventListener("changed", changed);
    source.addEventListener("error", () => {
      // The server ends the stream now and then; only what stays away is told.
      setTimeout(() => { if (source.readyState !== EventSource.OPEN && offline) offline.hidden = false; }, 3000);
      if (source.readyState === EventSource.CLOSED) { source.close(); setTimeout(listen, 5000); }
    });
  };
  if (document.body.dataset.csrf !== undefined && document.querySelector("[hx-trigger*='changed']")) listen();

  localise(document);
})();
