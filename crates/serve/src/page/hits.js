// The list of hits: what stays stays as it is, opened and focused; one hit is the current one.

import { $, h, on } from "./dom.js";
import { hitElement } from "./hit.js";
import { marker } from "./code.js";

let all = [];
let current = -1;

/** Shows an answer; hits that were shown for the same words are kept. */
export function showHits(hits) {
  const list = $("hits");
  const old = new Map(all.map((one) => [one.key, one]));
  const focused = document.activeElement;
  const before = all.find((one) => one.item.contains(focused));
  // Most hits of an answer have the same words, and a marker remembers.
  const markers = new Map();
  all = hits.map((hit) => {
    const words = hit.explain?.matched_words ?? [];
    const name = words.join(" ");
    if (!markers.has(name)) markers.set(name, marker(words));
    const key = JSON.stringify({ ...hit, rank: 0 });
    const one = old.get(key) ?? { key, ...hitElement(hit, markers.get(name)) };
    one.setRank(hit.rank);
    return one;
  });
  list.replaceChildren(...all.map((one) => one.item));
  list.hidden = !all.length;
  boxes.disconnect();
  for (const { box } of all) boxes.observe(box);
  current = all.indexOf(before);
  if (before && current >= 0) focused.focus({ preventScroll: true });
}

/** Code that is wider than its box can be reached and scrolled by the keyboard. */
const boxes = new ResizeObserver((entries) => {
  for (const { target } of entries) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
});

/** Goes to the hit that is so many further; gives whether there is one. */
export function move(step) {
  const next = all[current < 0 && step < 0 ? -1 : current + step];
  next?.item.querySelector("[data-act=open]").focus();
  next?.item.scrollIntoView({ block: "nearest" });
  return Boolean(next);
}

export const press = (act) => (all[current] ?? all[0])?.item.querySelector(`[data-act=${act}]`).click();

export function closeWhy() {
  const button = all[current]?.item.querySelector("[data-act=why][aria-expanded=true]");
  button?.click();
  button?.focus();
  return Boolean(button);
}

/** What is said above the hits, by its sort; each at most once. */
export function note(sort, content, isAlert = false) {
  const old = $("notes").querySelector(`.${sort}`);
  if (!content) return old?.remove();
  const place = old ?? h("div", { class: `note ${sort}`, role: isAlert && "alert" });
  place.replaceChildren(...content);
  if (!old) $("notes").append(place);
}

export function setUpHits() {
  on($("hits"), "focusin", ({ target }) => {
    const item = target.closest(".hit");
    current = all.findIndex((one) => one.item === item);
    for (const one of all) one.item.classList.toggle("current", one.item === item);
  });
  // Of what is not near the window the width is not known before it is.
  on(window, "resize", () => all.forEach(({ box }) => (box.tabIndex = 0)));
}
