// One hit: where it is, what it is, its code, and why it is there.

import { button, copy, count, h, plain, shown } from "./dom.js";
import { lineElements } from "./code.js";
import { explanation } from "./why.js";

/** Lines that a long hit shows at first; a hit of a few more is not long. */
const PREVIEW = 10;
const LONG = 14;

let made = 0;

/** An element for a hit; its buttons carry what they do as `data-act`, for the keyboard. */
export function hitElement(hit, mark) {
  const { path, repo, start_line: first, end_line: last } = hit;
  const text = hit.text.replace(/\r?\n$/, "");
  const lines = text.split("\n").length;
  const isLong = lines > LONG;
  const where = plain(`${path}:${first}-${last}`);
  const whyId = `why-${(made += 1)}`;
  let isOpen;

  const code = h("code");
  const box = h("pre", { class: "code", tabindex: 0, role: "region", "aria-label": `Code of ${where}` }, code);
  const fill = (most) => code.replaceChildren(...lineElements(text, hit.language, first, most, mark));
  const show = (isNow) => {
    isOpen = isNow;
    opener.setAttribute("aria-expanded", isOpen);
    box.hidden = !isOpen && !isLong;
    if (!isLong) return;
    fill(isOpen ? lines : PREVIEW);
    all.textContent = isOpen ? "Show less" : `Show all ${count(lines, "line")}`;
  };
  const toggleWhy = () => {
    if (!why.firstChild) why.append(...explanation(hit));
    why.hidden = !why.hidden;
    whyButton.setAttribute("aria-expanded", !why.hidden);
  };
  const tool = (act, label, onclick, more) => button("quiet", label, onclick, `${label}: ${where}`, { "data-act": act, ...more });

  const cut = path.lastIndexOf("/") + 1;
  const opener = h(
    "button",
    { type: "button", class: "place", "data-act": "open", onclick: () => show(!isOpen) },
    repo && h("bdi", { class: "repo" }, shown(repo)),
    h("bdi", { class: "soft" }, shown(path.slice(0, cut))),
    h("bdi", { class: "file" }, shown(path.slice(cut))),
    h("span", { class: "soft" }, `:${first}\u2013${last}`),
  );
  const whyButton = tool("why", "Why", toggleWhy, { "aria-expanded": "false", "aria-controls": whyId });
  const all = isLong && button("all", "", () => show(!isOpen));
  const why = h("section", { class: "why", id: whyId, "aria-label": "Why this hit", hidden: true });
  const rank = h("span");
  const tools = h("div", { class: "tools" },
    whyButton,
    // As it is seen: what is pasted into a terminal must not act.
    tool("place", "Copy place", () => copy(plain(`${path}:${first}`), "the place")),
    tool("code", "Copy code", () => copy(hit.text, count(lines, "line"))),
  );
  const about = h("p", { class: "about soft" },
    hit.breadcrumb && h("bdi", { class: "crumb" }, shown(hit.breadcrumb.replaceAll("::", " \u203a "))),
    h("span", { class: "kind" }, hit.kind),
    h("span", {}, hit.language),
  );
  const item = h("li", { class: "hit" },
    h("span", { class: "rank" }, h("span", { class: "unseen" }, "Hit "), rank),
    h("article", {}, h("header", {}, h("h3", {}, opener), tools, about), h("div", { class: "box" }, box, all), why),
  );
  if (!isLong) fill(lines);
  show(!isLong);
  return { item, box, setRank: (value) => (rank.textContent = value) };
}
