// The keyboard: what each key does, outside of fields and dialogs.

import { $, keep, kept, on } from "./dom.js";
import { closeMenus } from "./filters.js";
import { closeWhy, move, press } from "./hits.js";

/** Single keys can be switched off: whoever speaks to the machine presses them by accident. */
const areOn = () => kept("keys") !== "off";

const isField = (element) => element.matches("input:not([type=checkbox], [type=radio]), textarea, select");

function toQuery() {
  $("query").focus();
  $("query").select();
  scrollTo({ top: 0 });
}

function back() {
  if (!move(-1)) toQuery();
}

export function setUpKeys({ context, help, clear }) {
  const single = { "/": toQuery, j: () => move(1), k: back, w: () => press("why"), y: () => press("place"), c: context, "?": help };
  const escape = () => {
    if (closeMenus()) return;
    if (document.activeElement === $("query")) clear();
    else if (!closeWhy()) toQuery();
  };
  on(document, "keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    const { key, target } = event;
    if (key === "Escape") {
      event.preventDefault();
      return escape();
    }
    const isQuery = target === $("query");
    // Code that is wider than its box keeps the arrows.
    const canMove = isQuery || target.matches("body, .hit :not(pre)");
    let act;
    if (key === "ArrowDown" && canMove) act = () => move(isQuery ? 0 : 1) || move(1);
    else if (key === "ArrowUp" && canMove && !isQuery) act = back;
    else if (!isField(target) && areOn()) act = single[key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  const box = $("keys-on");
  box.checked = areOn();
  on(box, "change", () => keep("keys", box.checked ? "on" : "off"));
}
