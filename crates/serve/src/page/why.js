// Why a hit stands where it does: the parts of its score as a table, with a bar for each.

import { button, h, plain } from "./dom.js";

/** Parts that are shown at once; the others are small. */
const FIRST = 8;

// What the ranker's names mean; any other is shown as it is, without its underscores.
const MEANINGS = {
  words: "words of the query",
  covered: "share of the query in it",
  heading: "share in names and doc comments",
  meaning: "nearness in meaning",
  symbol_exact: "defines the name",
  breadcrumb: "share in enclosing names",
  phrase: "words stand together",
  same_file: "after others of its file",
};

function readable(feature) {
  const [, isOfFile, rest] = /^(file_(?!name))?(.*)$/s.exec(feature);
  const words = MEANINGS[rest] ?? plain(rest).replace(/^is_/, "is a ").replaceAll("_", " ");
  return isOfFile ? `the file: ${words}` : words;
}

const signed = (value) => `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(2)}`;

export function explanation({ score, explain }) {
  const { contributions = [], matched_words: words = [] } = explain ?? {};
  const parts = [...contributions].sort((a, b) => Math.abs(b.added) - Math.abs(a.added));
  const greatest = Math.abs(parts[0]?.added ?? 1);
  const row = ({ feature, value, added }) => {
    const bar = h("i", { class: added < 0 ? "less" : "more" });
    bar.style.width = `${(Math.abs(added) / greatest) * 50}%`;
    return h("tr", {},
      h("th", { scope: "row", title: plain(feature) }, readable(feature)),
      h("td", {}, String(Math.round(value * 1000) / 1000)),
      h("td", {}, signed(added)),
      h("td", { class: "chart", "aria-hidden": "true" }, bar),
    );
  };
  const body = h("tbody", {}, parts.slice(0, FIRST).map(row));
  const rest = parts.slice(FIRST);
  const columns = ["Part", "Value", "Added"].map((name) => h("th", { scope: "col" }, name));
  const table = h("table", {},
    h("caption", {}, `Score ${score.toFixed(2)}, the sum of ${parts.length === 1 ? "one part" : `${parts.length} parts`}`),
    h("thead", {}, h("tr", {}, columns, h("td", { class: "chart", "aria-hidden": "true" }))),
    body,
  );
  const label = `Show ${rest.length} smaller, together ${signed(rest.reduce((sum, { added }) => sum + added, 0))}`;
  const more = button("quiet", label, () => {
    body.append(...rest.map(row));
    // The focus goes to what has come, not to nowhere.
    body.rows[FIRST].tabIndex = -1;
    body.rows[FIRST].focus();
    more.remove();
  });
  const matched = words.length
    ? h("p", {}, "Words of the query in it: ", words.flatMap((word) => [h("mark", {}, plain(word)), " "]))
    : h("p", {}, "No word of the query is in it: it is near in meaning alone.");
  return rest.length ? [matched, table, more] : [matched, table];
}
