// The filters: a menu for each sort of filter, and a chip for each that is set.

import { $, button, h, on, plain, shown } from "./dom.js";
import { blank, filtersOf, withFilter } from "./view.js";

const MENUS = [
  { list: "repos", label: "Repository" },
  { list: "languages", label: "Language" },
  { list: "kinds", label: "Kind" },
  { list: "paths", label: "Path", hint: "src/** or !tests/**", help: "A glob over the path; with ! in front it excludes." },
  { list: "since", label: "Changed", hint: "HEAD, main, v1.2", help: "Only files that differ from this revision of git." },
];

/** What can be chosen, by list; filled as it becomes known. */
export const choices = { repos: [], languages: [], kinds: [], modes: ["auto"] };

const MANY = 12;

let view = blank();
let change = () => {};

function fillChoices({ list, panel }) {
  const wanted = panel.querySelector("[type=search]")?.value.trim().toLowerCase() ?? "";
  // What is chosen can be taken back, whether it is known or not.
  const all = [...new Set([...view[list], ...choices[list]])].filter((name) => name.toLowerCase().includes(wanted));
  const boxes = all.map((name) => {
    const box = h("input", { type: "checkbox", value: name, onchange: () => change(withFilter(view, list, name, box.checked)) });
    box.checked = view[list].includes(name);
    return h("label", {}, box, h("bdi", {}, shown(name)));
  });
  panel.querySelector(".choices").replaceChildren(...(boxes.length ? boxes : ["None"]));
}

function panelOf(menu) {
  const { list, label, hint, help } = menu;
  if (!hint) {
    const find = { type: "search", placeholder: "Find", "aria-label": `Find: ${label}`, oninput: () => fillChoices(menu) };
    const group = h("div", { class: "choices", role: "group", "aria-label": label });
    return h("div", { class: "panel" }, choices[list].length > MANY && h("input", find), group);
  }
  const input = h("input", { placeholder: hint, "aria-label": help, maxlength: 1024, autocomplete: "off", spellcheck: "false" });
  const onsubmit = (event) => {
    event.preventDefault();
    const value = input.value.trim();
    closeMenus();
    if (value) change(withFilter(view, list, value, true));
  };
  return h("form", { class: "panel", onsubmit }, h("p", { class: "soft" }, help), h("div", { class: "row" }, input, h("button", { class: "plain" }, "Set")));
}

function opened(menu) {
  menu.panel?.remove();
  if (!menu.details.open) return;
  menu.panel = panelOf(menu);
  menu.details.append(menu.panel);
  if (!menu.hint) fillChoices(menu);
  menu.panel.querySelector("input")?.focus();
}

/** Closes the menu that is open; gives whether one was. */
export function closeMenus() {
  const open = document.querySelector(".menu[open]");
  if (open) open.open = false;
  open?.firstChild.focus();
  return Boolean(open);
}

export function setUpFilters(onChange) {
  change = onChange;
  for (const menu of MENUS) {
    menu.count = h("span", { class: "count" });
    menu.details = h("details", { class: "menu", name: "filter", ontoggle: () => opened(menu) }, h("summary", {}, menu.label, menu.count));
  }
  $("menus").prepend(...MENUS.map((menu) => menu.details));
  on($("mode"), "change", () => change({ ...view, mode: $("mode").value }));
  on($("narrow"), "click", () => $("narrow").setAttribute("aria-expanded", $("menus").classList.toggle("shown")));
  on(document, "pointerdown", ({ target }) => {
    const open = document.querySelector(".menu[open]");
    if (open && !open.contains(target)) open.open = false;
  });
}

export function learn({ components: { schemas } }) {
  choices.modes = schemas.Mode.enum;
  choices.kinds = schemas.ChunkKind.enum;
  choices.languages = schemas.SearchFilters.properties.languages.items.enum.toSorted();
  showFilters(view);
}

export function showFilters(next) {
  view = next;
  for (const { list, count, details } of MENUS) {
    const chosen = [view[list]].flat().filter(Boolean);
    count.textContent = chosen.length || "";
    // The boxes stay, and the focus with them.
    for (const box of details.querySelectorAll("[type=checkbox]")) box.checked = chosen.includes(box.value);
  }
  const modes = [...new Set([...choices.modes, view.mode])];
  if ($("mode").length !== modes.length) $("mode").replaceChildren(...modes.map((mode) => h("option", { value: mode }, plain(mode))));
  $("mode").value = view.mode;
  showChips();
}

function showChips() {
  const all = filtersOf(view);
  const chips = all.map(([list, value, name], index) => {
    const remove = () => {
      change(withFilter(view, list, value, false));
      const left = $("chips").querySelectorAll(".chip");
      (left[index] ?? left[index - 1] ?? $("query")).focus();
    };
    return h("button", { type: "button", class: "chip", onclick: remove },
      h("span", { class: "unseen" }, "Remove filter: "),
      h("span", { class: "soft" }, `${name} `),
      h("bdi", {}, shown(value)),
      h("b", { "aria-hidden": "true" }, "\u00d7"),
    );
  });
  $("chips").replaceChildren(...chips.map((chip) => h("li", {}, chip)));
  $("chips").hidden = !all.length;
  $("narrow").lastChild.textContent = all.length || "";
}
