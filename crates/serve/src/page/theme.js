// Light or dark: what the system says, until the reader chooses. Runs before the first paint.

import { $, keep, kept, on } from "./dom.js";

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);

const show = () => $("theme").setAttribute("aria-pressed", isDark());

export function setUpTheme() {
  on($("theme"), "click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    keep("theme", root.dataset.theme);
    show();
  });
  on(system, "change", show);
  show();
}

const chosen = kept("theme");
if (chosen) root.dataset.theme = chosen;
