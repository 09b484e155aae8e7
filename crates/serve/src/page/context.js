// "Copy as context": what answers the question, packed into a text of so many tokens.

import { call } from "./api.js";
import { $, copy, count, h, keep, kept, number, on, plain, shown } from "./dom.js";
import { contextRequest } from "./view.js";

const PAUSE_MS = 250;

let view = null;
let pending = null;
let timer;
let packed = null;

const form = () => $("context-form").elements;
const budget = () => Math.min(32000, Math.max(500, Math.round(form().budget.value) || 0));

async function pack() {
  pending?.abort();
  const mine = (pending = new AbortController());
  packed = null;
  $("context-copy").disabled = true;
  $("context-state").textContent = "Packing \u2026";
  try {
    const answer = await call("POST", "/v1/context", contextRequest(view, budget(), form().format.value), mine.signal);
    if (pending === mine) show(answer);
  } catch (error) {
    if (pending !== mine || error.name === "AbortError") return;
    show({ tokens: 0, budget_tokens: 1, blocks: [], text: "" });
    $("context-state").textContent = `${error.title}. ${error.detail}`;
  }
}

function show(answer) {
  const { tokens, budget_tokens: most, blocks, left_out: leftOut, by_meaning_alone: isNear, text } = answer;
  packed = text && answer;
  $("context-meter").max = most;
  $("context-meter").value = tokens;
  const left = leftOut ? `; ${count(leftOut, "span")} found did not fit` : "";
  const near = isNear ? "; near in meaning alone, and may be no answer" : "";
  $("context-state").textContent = `${number(tokens)} of ${count(most, "token")}, ${count(blocks.length, "block")}${left}${near}`;
  const items = blocks.map((block) =>
    h("li", {},
      block.repo && h("bdi", { class: "repo" }, shown(block.repo)),
      h("bdi", {}, shown(`${block.path}:${block.start_line}\u2013${block.end_line}`)),
      h("span", { class: "soft" }, ` ${block.kind} ${plain(block.breadcrumb)}`),
    ),
  );
  $("context-blocks").replaceChildren(...items);
  $("context-text").replaceChildren(...shown(text, false));
  $("context-copy").disabled = !packed;
}

export function openContext(next) {
  if (!next.q.trim()) return $("query").focus();
  view = next;
  $("context-query").replaceChildren(...shown(view.q));
  $("context").showModal();
  pack().then(() => $("context-copy").focus());
}

export function setUpContext() {
  form().budget.value = kept("budget") ?? 4000;
  form().format.value = kept("format") ?? "markdown";
  on($("context-form"), "input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      keep("budget", budget());
      keep("format", form().format.value);
      pack();
    }, PAUSE_MS);
  });
  on($("context-form"), "submit", (event) => {
    event.preventDefault();
    if (packed) copy(packed.text, `${count(packed.tokens, "token")} of context`);
  });
  on($("context"), "close", () => {
    clearTimeout(timer);
    pending?.abort();
  });
}
