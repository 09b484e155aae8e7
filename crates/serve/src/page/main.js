// Puts the page together: the view goes into the address and to the search, what comes back is
// shown with how true it is, and what fails says so and tries again.

import { call, hooks } from "./api.js";
import { openContext, setUpContext } from "./context.js";
import { $, button, count, h, number, on, plain, shown } from "./dom.js";
import { choices, learn, setUpFilters, showFilters } from "./filters.js";
import { note, setUpHits, showHits } from "./hits.js";
import { progress } from "./jobs.js";
import { setUpKeys } from "./keys.js";
import * as repositories from "./repos.js";
import * as search from "./search.js";
import { setUpTheme } from "./theme.js";
import { STEPS, blank, filtersOf, parse, remember, settle } from "./view.js";

let view = parse(location.hash);
let served = [];
let hearing;

const strong = ({ title, message }) => h("strong", {}, `${plain(title ?? message)}. `);

function show(next, isTyped = false) {
  if (next.q !== view.q) $("results").classList.add("old");
  view = next;
  if ($("query").value !== view.q) $("query").value = view.q;
  showFilters(view);
  document.title = view.q ? `${plain(view.q)} \u00b7 wherein` : "wherein";
  search.ask(view, isTyped);
  if (view.q.trim()) return;
  notes({});
  showHits([]);
  state([]);
  $("more").hidden = true;
  showBlank(served.length ? "start" : "first");
}

/** What the reader changed; another question begins with few hits again. */
function change(next, isTyped = false) {
  const asked = isTyped ? { ...next, k: STEPS[0] } : next;
  remember(asked, isTyped);
  show(asked, isTyped);
}

/** Says how things stand: seen at once, heard when they rest. */
function state(facts, isDoubted = false) {
  const nodes = facts.map((fact, index) => h("span", { class: index > 2 && isDoubted && "doubt" }, fact));
  $("status").replaceChildren(...nodes);
  clearTimeout(hearing);
  hearing = setTimeout(() => ($("live").textContent = facts.join(", ")), 400);
}

function notes(said) {
  for (const sort of ["problem", "waiting", "meaning"]) note(sort, said[sort], sort === "problem");
}

/** What is there instead of hits: nothing to search, nothing asked, nothing found. */
function showBlank(sort) {
  for (const one of ["first", "start", "none"]) $(`blank-${one}`).hidden = one !== sort;
  if (sort === "first") openRepositories(true);
}

/** How many answered: those that cannot are left out, unless they are named. */
function answering() {
  const all = view.repos.length || served.length;
  const able = view.repos.length || served.filter((repo) => repo.index).length;
  return `${able < all ? `${able} of ` : ""}${count(all, "repository", "repositories")}`;
}

search.told.answer = ({ hits, index, mode, took_ms: took, by_meaning_alone: isNear }, of) => {
  const near = { title: "Near in meaning alone" };
  notes({ meaning: isNear && hits.length && [strong(near), "No word of the query occurs in what was searched; these may be no answer."] });
  $("results").classList.remove("old");
  showHits(hits);
  const time = took < 10 ? took.toFixed(1) : number(Math.round(took));
  const pending = index.pending_files;
  const facts = [
    `${hits.length ? count(hits.length, "hit") : "No hits"} in ${time} ms`,
    mode,
    answering(),
    pending ? `${count(pending, "file")} pending` : index.fresh ? "up to date" : "not looked at lately",
  ];
  if (index.vector_coverage < 1) facts.push(`vectors for ${Math.floor(index.vector_coverage * 100)} % of the code`);
  state(facts, pending || !index.fresh);
  const next = STEPS.find((step) => step > of.k);
  $("more").hidden = !next || hits.length < of.k;
  $("more").textContent = `Show more (up to ${next})`;
  showBlank(hits.length ? null : "none");
  $("none-query").replaceChildren(...shown(of.q));
  $("none-filters").hidden = !filtersOf(of).length;
  // What was found to have changed is being brought in.
  if (!index.fresh) repositories.refresh();
};

/** An old answer stays, but is seen to be one. */
function noAnswer(said, text) {
  notes(said);
  $("results").classList.add("old");
  showBlank(null);
  state([text, $("hits").hidden ? "" : "below are the hits of before"].filter(Boolean));
}

search.told.problem = (problem, of) => {
  if (!served.length && problem.status === 409) return showBlank("first");
  const said = [strong(problem), ...shown(problem.detail ?? "", false), " "];
  if (problem.status === 401) said.push(button("quiet", "Give a token", start));
  // That nothing answers is said by itself.
  noAnswer({ problem: problem.status && said }, of.q && `No answer to \u201c${plain(of.q)}\u201d`);
};

let far = null;

search.told.waiting = (problem, job) => {
  // The bar stays as long as the note does.
  if (job && far?.nodes[0].isConnected) return far.show(job);
  const said = [strong(problem), ...shown(problem.detail, false), ". It is asked again by itself."];
  if (job?.repo) {
    far = progress(job.repo);
    far.show(job);
    said.push(h("div", { class: "work" }, far.nodes));
  }
  noAnswer({ waiting: said }, "Waiting for the service");
};

search.told.busy = (isBusy) => $("results").setAttribute("aria-busy", isBusy);

function openRepositories(isOpen) {
  $("repos").hidden = !isOpen;
  $("repos-toggle").setAttribute("aria-expanded", isOpen);
}

repositories.told.repositories = (all) => {
  const isOther = !served.length || !all.length;
  served = all;
  choices.repos = all.map((repo) => repo.name);
  // The first one has come, or the last one has gone.
  if (isOther) show(view);
};
repositories.told.indexed = () => search.ask(view);

let attempts = 0;
let trying = null;

/** Tries a service that has gone; not while nobody looks. */
function tryAgain() {
  clearTimeout(trying);
  trying = null;
  if (attempts && !document.hidden) call("GET", "/healthz").catch(() => {});
}

hooks.reached = (isReached) => {
  // One that fails while another is waited for says nothing new.
  if (isReached ? !attempts : trying) return;
  clearTimeout(trying);
  trying = null;
  if (isReached) {
    attempts = 0;
    note("offline");
    return start();
  }
  attempts += 1;
  const seconds = Math.min(30, 2 ** attempts);
  trying = setTimeout(tryAgain, seconds * 1000);
  const said = `Is \u201cwherein serve\u201d running at ${location.host}? Trying again in ${seconds} s. `;
  note("offline", [strong({ title: "The service does not answer" }), said, button("quiet", "Try now", tryAgain)], true);
};

hooks.askToken = (isWrong) =>
  new Promise((resolve) => {
    $("token-wrong").textContent = isWrong ? "The service does not take this token." : "";
    $("token").showModal();
    const closed = () => {
      resolve($("token").returnValue);
      $("token").returnValue = "";
    };
    on($("token"), "close", closed, { once: true });
  });

/** Reads what the page needs, and asks what the address says. */
async function start() {
  const problem = await repositories.refresh();
  if (problem?.status === 401) return search.told.problem(problem, view);
  // It comes back here when the service is reached again.
  if (problem && !problem.status) return;
  show(view);
  const openapi = await call("GET", "/openapi.json").catch(() => null);
  if (openapi) learn(openapi);
}

function setUp() {
  const context = () => openContext(view);
  const help = () => $("help").showModal();
  setUpTheme();
  setUpFilters(change);
  setUpHits();
  setUpContext();
  repositories.setUpRepositories();
  setUpKeys({ context, help, clear: () => change({ ...view, q: "" }) });
  const pressed = (place, act) => (place.onclick = act);
  on($("query"), "input", () => change({ ...view, q: $("query").value }, true));
  on($("query"), "blur", settle);
  on($("search"), "submit", (event) => {
    event.preventDefault();
    settle();
    search.ask(view);
  });
  pressed($("more"), () => change({ ...view, k: STEPS.find((step) => step > view.k) ?? view.k }));
  pressed($("none-clear"), () => change(blank(view.q)));
  pressed($("context-open"), context);
  pressed($("help-open"), help);
  pressed($("repos-toggle"), () => openRepositories($("repos").hidden));
  for (const example of document.querySelectorAll(".example")) pressed(example, () => change({ ...view, q: example.textContent }));
  for (const close of document.querySelectorAll("[data-close]")) pressed(close, () => close.closest("dialog").close());
  on($("token-form"), "submit", (event) => {
    event.preventDefault();
    const token = $("token-value").value.trim();
    $("token-value").value = "";
    // What no header can carry is no token.
    if (/^[\x21-\x7e]{1,512}$/.test(token)) $("token").close(token);
    else $("token-wrong").textContent = "A token has printable characters only.";
  });
  on(window, "popstate", () => {
    settle();
    show(parse(location.hash));
  });
  on(document, "visibilitychange", tryAgain);
  openRepositories(matchMedia("(min-width: 70rem)").matches);
  $("query").value = view.q;
  $("query").focus();
  start();
}

setUp();
