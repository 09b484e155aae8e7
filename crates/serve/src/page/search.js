// Asks while one types: the last question alone counts, and one that the service cannot answer
// yet is asked again by itself.

import { call } from "./api.js";
import { on } from "./dom.js";
import { follow, isOver, onJob } from "./jobs.js";
import { searchRequest } from "./view.js";

/** Between two questions while one types. */
const PAUSE_MS = 100;
/** A quicker answer is not announced as being on its way. */
const SLOW_MS = 250;

const AGAIN = new Set(["unavailable", "overloaded", "timeout"]);

let asked = 0;
let turn = 0;
let pending = null;
let timer;
let slow;
/** What an answer waits for: a job, if its id is known. */
let awaited = null;

/** Set where the page is put together: `answer(answer, view)`, `problem(problem, view)`, `busy(isBusy)`, and
 * `waiting(problem, job)` when it is asked again by itself. */
export const told = {};

/** Forgets what was asked: no answer to it will be shown. */
export function stop() {
  turn += 1;
  pending?.abort();
  clearTimeout(timer);
  clearTimeout(slow);
  awaited = null;
  told.busy(false);
}

export function ask(view, isTyped = false) {
  stop();
  if (!view.q.trim()) return;
  const mine = turn;
  timer = setTimeout(() => run(view, mine), isTyped ? asked + PAUSE_MS - Date.now() : 0);
}

async function run(view, mine) {
  asked = Date.now();
  pending = new AbortController();
  slow = setTimeout(() => told.busy(true), SLOW_MS);
  try {
    const answer = await call("POST", "/v1/search", searchRequest(view), pending.signal);
    if (mine === turn) told.answer(answer, view);
  } catch (error) {
    if (mine !== turn || error.name === "AbortError") return;
    if (AGAIN.has(error.kind)) wait(error, view, mine);
    else told.problem(error, view);
  } finally {
    if (mine === turn) {
      clearTimeout(slow);
      told.busy(false);
    }
  }
}

function wait(problem, view, mine) {
  const again = () => {
    clearTimeout(timer);
    if (mine === turn && !document.hidden) run(view, mine);
  };
  timer = setTimeout(again, (problem.retryAfter ?? 2) * 1000);
  // That it still waits for the same is not told again.
  if (awaited && problem.job === awaited.id) return;
  awaited = { id: problem.job, problem, again };
  told.waiting(problem, null);
  if (problem.job) follow(problem.job);
}

onJob((job) => {
  if (job.id !== awaited?.id) return;
  told.waiting(awaited.problem, job);
  if (isOver(job)) awaited.again();
});

// While nobody looks nothing is asked.
on(document, "visibilitychange", () => awaited?.again());
