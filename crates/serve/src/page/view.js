// What is asked, as it stands in the address: a link shows the same, and back and forward work.

/** Lists of the view, and what one of each is called. */
const LISTS = { repos: "repository", languages: "language", kinds: "kind", paths: "path" };

export const STEPS = [10, 30, 100];

export const blank = (q = "") => ({ q, repos: [], languages: [], kinds: [], paths: [], since: "", mode: "auto", k: STEPS[0] });

export function parse(hash) {
  const given = new URLSearchParams(hash.slice(1));
  const view = blank(given.get("q") ?? "");
  view.since = given.get("since") ?? "";
  view.mode = given.get("mode") || "auto";
  view.k = STEPS.find((step) => step >= Number(given.get("k"))) ?? STEPS.at(-1);
  for (const [list, name] of Object.entries(LISTS)) view[list] = [...new Set(given.getAll(name))].filter(Boolean);
  return view;
}

function format(view) {
  const parts = new URLSearchParams();
  if (view.q) parts.set("q", view.q);
  for (const [list, name] of Object.entries(LISTS)) view[list].forEach((one) => parts.append(name, one));
  if (view.since) parts.set("since", view.since);
  if (view.mode !== "auto") parts.set("mode", view.mode);
  if (view.k !== STEPS[0]) parts.set("k", view.k);
  return parts.size ? `#${parts}` : "";
}

function asked({ q, repos, languages, kinds, paths, since }) {
  return { query: q, repos, filters: { languages, kinds, paths, changed_since: since || undefined } };
}

// Explanations are cheap and say which words to mark.
export const searchRequest = (view) => ({ ...asked(view), k: view.k, mode: view.mode, explain: true });
export const contextRequest = (view, budget, form) => ({ ...asked(view), budget_tokens: budget, format: form });

/** The filters that are set: list, value, and what it is in words. */
export function filtersOf(view) {
  const all = Object.entries(LISTS).flatMap(([list, name]) => view[list].map((value) => [list, value, name]));
  if (view.since) all.push(["since", view.since, "changed since"]);
  if (view.mode !== "auto") all.push(["mode", view.mode, "mode"]);
  return all;
}

/** The view with one filter set or taken back. */
export function withFilter(view, list, value, isOn) {
  if (list === "since") return { ...view, since: isOn ? value : "" };
  if (list === "mode") return { ...view, mode: isOn ? value : "auto" };
  const others = view[list].filter((one) => one !== value);
  return { ...view, [list]: isOn ? [...others, value] : others };
}

let isEditing = false;

/** Ends an edit: what comes next is a step of its own that `back` returns from. */
export const settle = () => (isEditing = false);

/** Writes the view into the address; keystrokes of one edit are one step. */
export function remember(view, isTyped) {
  const hash = format(view);
  if (hash === location.hash) return;
  history[isTyped && isEditing ? "replaceState" : "pushState"](null, "", hash || location.pathname);
  isEditing = isTyped;
}
