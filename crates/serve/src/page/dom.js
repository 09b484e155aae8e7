// Builds what the page shows: nodes made of text, never of markup, and texts that hide nothing.

export const $ = (id) => document.getElementById(id);
export const on = (target, ...what) => target.addEventListener(...what);

/** An element; attributes and children that are false, null or undefined are left out. */
export function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value == null) continue;
    if (name.startsWith("on")) on(node, name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== false && child != null));
  return node;
}

/** A button; `name` is for those who do not see where it stands. */
export const button = (kind, label, onclick, name, more) =>
  h("button", { type: "button", class: kind, "aria-label": name, onclick, ...more }, label);

// Characters that are invisible or turn the order of others around. A joiner within an emoji
// is left alone.
const ODD =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]|(?<![\p{Extended_Pictographic}\ufe0f\u{1f3fb}-\u{1f3ff}])\u200d/gu;

function nameOf(character) {
  const code = character.codePointAt(0);
  if (code < 32) return String.fromCharCode(0x2400 + code);
  return code === 127 ? "\u2421" : `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

const inOneLine = (text) => text.replace(/[\n\t]/g, nameOf);

/** The text with each odd character written out, for labels and titles. */
export const plain = (text) => inOneLine(text).replace(ODD, nameOf);

/** Nodes that show the text with each odd character as a mark of its own. */
export function shown(text, isOneLine = true) {
  const source = isOneLine ? inOneLine(text) : text;
  const nodes = [];
  let from = 0;
  for (const { 0: odd, index } of source.matchAll(ODD)) {
    nodes.push(source.slice(from, index), h("span", { class: "odd" }, nameOf(odd)));
    from = index + odd.length;
  }
  return [...nodes, source.slice(from)].filter((node) => node !== "");
}

export const number = (value) => value.toLocaleString("en");
export const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;

/** What the reader chose before; null where the browser keeps nothing. */
export function kept(name) {
  try {
    return localStorage.getItem(`wherein.${name}`);
  } catch {
    return null;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(`wherein.${name}`, value);
  } catch {
    // Then the choice lasts as long as the page.
  }
}

let fading;

/** Says a short thing where it is seen and heard: in the dialog that is open, else at the edge. */
export function say(text) {
  const place = document.querySelector("dialog[open] .says") ?? $("toast");
  // The same text again is heard only as a change.
  place.textContent = "";
  requestAnimationFrame(() => (place.textContent = text));
  clearTimeout(fading);
  fading = setTimeout(() => (place.textContent = ""), 4000);
}

/** Copies; where the browser gives no clipboard (plain HTTP on a network) in the old way. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const active = document.activeElement;
    const area = h("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    active?.focus();
    if (!isCopied) return say("The browser does not let the page copy");
  }
  say(`Copied ${what}`);
}
