// Follows index jobs as they run, each by one stream however many parts of the page show it.

import { call, events } from "./api.js";
import { count, h, number, on, plain } from "./dom.js";

/** A browser opens six connections to a host, for all tabs; searches need some. */
const MAX_STREAMS = 2;

/** The stream of each job that is followed; null while it waits for one. */
const streams = new Map();
const listeners = [];

export const isOver = (job) => !["queued", "running"].includes(job.state);
const pathOf = (id) => `/v1/jobs/${encodeURIComponent(id)}`;
export const cancel = (id) => call("POST", `${pathOf(id)}/cancel`);

/** Has `listener` told of every job that is followed, whenever it is heard of. */
export const onJob = (listener) => listeners.push(listener);

export function follow(id) {
  if (!streams.has(id)) streams.set(id, null);
  openStreams();
}

function openStreams() {
  if (document.hidden) return;
  let open = [...streams.values()].filter(Boolean).length;
  for (const [id, stream] of streams) {
    if (stream || open >= MAX_STREAMS) continue;
    open += 1;
    read(id);
  }
}

async function read(id) {
  const stream = new AbortController();
  streams.set(id, stream);
  const tell = (job) => {
    if (isOver(job)) streams.delete(id);
    for (const listener of listeners) listener(job);
  };
  try {
    await events(`${pathOf(id)}/events`, tell, stream.signal);
  } catch (error) {
    // A job that is forgotten has ended; of one that cannot be reached nothing is known.
    if (error.status === 404) tell({ id, state: "done" });
  }
  if (streams.has(id)) streams.set(id, null);
  // One that broke off is opened again, though not at once.
  setTimeout(openStreams, 1000);
}

on(document, "visibilitychange", () => {
  if (!document.hidden) return openStreams();
  for (const stream of streams.values()) stream?.abort();
});

function describe(job) {
  if (job.state === "queued") return "waiting for its turn";
  const parts = [job.phase];
  if (job.files_total) parts.push(`${number(job.files)} of ${count(job.files_total, "file")}`);
  if (job.files && job.seconds > 0.2) parts.push(`${number(Math.round(job.files / job.seconds))} files/s`);
  const left = (job.bytes_total / job.bytes - 1) * job.seconds;
  if (job.phase === "indexing" && job.bytes && job.seconds > 0.5) {
    parts.push(`${number(Math.ceil(left))} s left`);
  }
  return parts.join(" \u00b7 ");
}

/** A bar and a line that show how far a job is; `show` brings them up to date. */
export function progress(repository) {
  const bar = h("progress", { "aria-label": `Indexing ${plain(repository)}` });
  const doing = h("p", { class: "soft" });
  const show = (job) => {
    doing.textContent = describe(job);
    // How much there is to read is known only after the walk.
    if (job.state === "running" && job.bytes_total && job.phase !== "walking") bar.value = Math.min(1, job.bytes / job.bytes_total);
    else bar.removeAttribute("value");
  };
  return { nodes: [bar, doing], show };
}
