// A box that hides operations that don't have the words typed into it. Without it the page is whole.
"use strict";
const header = document.querySelector("header");
const box = document.createElement("input");
box.type = "search";
box.placeholder = "Filter operations";
box.setAttribute("aria-label", "Filter operations");
header.append(box);
const entries = [...document.querySelectorAll("article")].map((article) => ({
  text: ["h3", ".path", ".id"].map((part) => article.querySelector(part).textContent).join(" ").toLowerCase(),
  parts: [article, document.querySelector(`nav.operations a[href="#${article.id}"]`).parentElement],
}));
box.addEventListener("input", () => {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const { text, parts } of entries) {
    const hidden = !words.every((word) => text.includes(word));
    for (const part of parts) part.hidden = hidden;
  }
  for (const section of document.querySelectorAll("main section"))
    section.hidden = words.length > 0 && !section.querySelector("article:not([hidden])");
});
