// Cuts code into coloured pieces: one pass of one expression, in time linear in the text. Nothing
// here throws, whatever the text holds; what cannot be told is plain.

import { LANGUAGES } from "./languages.js";

const ready = new Map();

// The groups are the classes of pieces, in the page too: c comment, p property, s string,
// k keyword, f function, m attribute, n number or constant, t type.
function expressionOf({ comments, properties, strings, keywords, functions, attributes = [], extra = "" }) {
  const groups = { c: comments, p: properties, s: strings, k: keywords, f: functions, m: [...attributes, /@\w[\w.]{0,99}/] };
  const all = Object.entries(groups).filter(([, expressions]) => expressions?.length);
  const sources = all.map(([kind, expressions]) => `(?<${kind}>${expressions.map((one) => one.source).join("|")})`);
  // A dot before a word says that it is a member, a bracket after it that it is called.
  const word = `(?<dot>\\.?)(?<w>[\\p{L}_][\\p{L}\\p{N}_${extra.replace(/[-?*.]/g, "\\$&")}]*)(?<call>\\(?)`;
  sources.push("(?<n>\\d(?:\\w|\\.(?=\\d))*)", word);
  return new RegExp(sources.join("|").replaceAll("|$)", "|(?![^]))"), "gmu");
}

function prepared(name) {
  if (!ready.has(name)) {
    const rules = Object.hasOwn(LANGUAGES, name) && LANGUAGES[name];
    ready.set(name, rules && { ...rules, all: expressionOf(rules), known: new Set(rules.words.split(/\s+/)) });
  }
  return ready.get(name);
}

function kindOfWord({ w: word, dot, call }, { known, isFolded }) {
  if (!dot && known.has(isFolded ? word.toLowerCase() : word)) return "k";
  if (call) return "f";
  if (isFolded || !/^[A-Z]/.test(word)) return null;
  return /^[A-Z][A-Z0-9_]+$/.test(word) ? "n" : "t";
}

/** Pieces [start, end, class] of a text, in order; what is between them is plain. */
export function lex(text, language) {
  const rules = prepared(language);
  const pieces = [];
  try {
    for (const { 0: whole, index, groups } of rules ? text.matchAll(rules.all) : []) {
      const { w: word, dot } = groups;
      const kind = word ? kindOfWord(groups, rules) : [..."cpskfmn"].find((one) => groups[one] !== undefined);
      const start = word ? index + dot.length : index;
      if (kind) pieces.push([start, word ? start + word.length : index + whole.length, kind]);
    }
  } catch (error) {
    // A text that is too much for the browser's matcher is coloured as far as it came.
    console.debug(error);
  }
  return pieces;
}
