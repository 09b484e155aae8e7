// Shows code: numbered lines, coloured pieces, the words that matched marked, nothing hidden.

import { h, shown } from "./dom.js";
import { lex } from "./lexer.js";

/** More of one line is data, and would make the page slow. */
const MAX_LINE = 2000;

const PARTS = /\p{Lu}+(?=\p{Lu}\p{Ll})|\p{Lu}?\p{Ll}+\p{N}*|\p{Lu}+\p{N}*|\p{Lo}+|\p{N}+/gu;

/** A word without its ending, so that `limited` marks `limit`. */
const stem = (word) => word.replace(/^(.{3,}?)(?:ations?|ions?|ings?|ers?|ors?|ed|es|s|e)$/, "$1");

/** Whether one is short for the other, as `auth` is for `authentication`. */
const isShort = (short, long) => short.length > 2 && long.length >= 2 * short.length && long.startsWith(short);

/** A function from a text to the ranges in it that are parts of the words. */
export function marker(words) {
  const parts = words.flatMap((word) => word.match(PARTS) ?? []).map((part) => part.toLowerCase());
  const stems = new Set(parts.map(stem));
  const known = new Map();
  const isMeant = (part) => {
    if (!known.has(part)) {
      const lower = part.slice(0, 128).toLowerCase();
      known.set(part, stems.has(stem(lower)) || parts.some((one) => isShort(one, lower) || isShort(lower, one)));
    }
    return known.get(part);
  };
  return (text) =>
    [...text.matchAll(PARTS)].filter(([part]) => isMeant(part)).map(({ 0: part, index }) => [index, index + part.length]);
}

function marked(text, mark) {
  const nodes = [];
  let from = 0;
  for (const [start, end] of mark(text)) {
    nodes.push(...shown(text.slice(from, start), false), h("mark", {}, text.slice(start, end)));
    from = end;
  }
  return [...nodes, ...shown(text.slice(from), false)];
}

export function lineElements(text, language, firstLine, most, mark) {
  const lines = text.split("\n").slice(0, most);
  const pieces = lex(lines.join("\n"), language);
  let next = 0;
  let start = 0;
  return lines.map((whole, index) => {
    const line = whole.slice(0, MAX_LINE);
    const end = start + line.length;
    const nodes = [];
    let from = start;
    const put = (to, kind) => {
      if (to <= from) return;
      const part = marked(line.slice(from - start, to - start), mark);
      nodes.push(...(kind ? [h("span", { class: kind }, part)] : part));
      from = to;
    };
    while (next < pieces.length && pieces[next][1] <= start) next += 1;
    for (let at = next; at < pieces.length && pieces[at][0] < end; at += 1) {
      const [left, right, kind] = pieces[at];
      put(left);
      put(Math.min(right, end), kind);
    }
    put(end);
    if (whole.length > MAX_LINE) nodes.push(h("span", { class: "odd" }, `${whole.length - MAX_LINE} more characters`));
    start += whole.length + 1;
    return h("span", { class: "l", "data-n": firstLine + index }, nodes, "\n");
  });
}
