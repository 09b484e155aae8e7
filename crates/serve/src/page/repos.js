// The repositories: what is served, how fresh it is, and what is being indexed.

import { call } from "./api.js";
import { $, button, count, h, on, plain, say, shown } from "./dom.js";
import { cancel, follow, isOver, onJob, progress } from "./jobs.js";

/** While something is being indexed; else the list is read when there is a reason. */
const EVERY_MS = 2000;
/** How long a second press counts as meant. */
const SURE_MS = 4000;

const STATES = { indexed: "\u25cf indexed", indexing: "\u25d0 being indexed", unindexed: "\u25cb not indexed", unavailable: "\u25b2 unavailable" };

const items = new Map();
let timer;
let isReading = false;

/** Set where the page is put together: `repositories(all)`, `indexed()`. */
export const told = {};

/** Reads the list, and reads it again while something changes; gives what went wrong. */
export async function refresh() {
  clearTimeout(timer);
  if (isReading) return null;
  isReading = true;
  let problem = null;
  try {
    const { repos } = await call("GET", "/v1/repos");
    show(repos);
    if (!document.hidden && repos.some((repo) => repo.job)) timer = setTimeout(refresh, EVERY_MS);
  } catch (error) {
    problem = error;
  }
  $("repos-problem").textContent = problem && `${problem.title}. ${problem.detail}`;
  isReading = false;
  return problem;
}

on(document, "visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));

function show(repos) {
  const list = $("repo-list");
  const names = repos.map((repo) => repo.name);
  for (const [name, { element }] of items) {
    if (names.includes(name)) continue;
    element.remove();
    items.delete(name);
  }
  repos.forEach((repo, index) => {
    if (!items.has(repo.name)) items.set(repo.name, newItem(repo.name));
    const { element, show } = items.get(repo.name);
    show(repo);
    // What stands where it should is not moved: it may have the focus.
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
  $("repo-count").textContent = repos.length;
  told.repositories(repos);
}

/** Waits for a change that was asked for; a token that may only read is noticed here. */
async function change(asked, done) {
  try {
    await asked;
    say(done);
    refresh();
    return true;
  } catch (error) {
    if (error.status === 403 && error.kind.endsWith("scope")) document.body.classList.add("read-only");
    say(`${error.title}. ${error.detail}`);
    return false;
  }
}

const pathOf = (name) => `/v1/repos/${encodeURIComponent(name)}`;

function factsOf({ files, chunks, pending_files: pending, fresh, generation, head, complete }) {
  const facts = [count(files, "file"), count(chunks, "chunk")];
  facts.push(pending ? `${count(pending, "file")} pending` : fresh ? "up to date" : "not looked at lately");
  facts.push(`generation ${generation}`);
  if (head) facts.push(`head ${plain(head.slice(0, 8))}`);
  if (!complete) facts.push("the last run saw not every file");
  return facts.join(" \u00b7 ");
}

/** A button that acts on the second press. */
function removeButton(name) {
  let sure = null;
  const ask = (label) => {
    clearTimeout(sure);
    sure = label === "Remove" ? null : setTimeout(ask, SURE_MS, "Remove");
    remove.textContent = label;
    remove.setAttribute("aria-label", `${label} ${name}`);
    remove.classList.toggle("danger", sure !== null);
  };
  const remove = button("quiet writes", "", () => {
    if (sure === null) return ask("Really remove?");
    ask("Remove");
    change(call("DELETE", pathOf(name)), `Removed ${name}; its files and its index stay on disk`);
  });
  ask("Remove");
  return remove;
}

function newItem(name) {
  const [state, path, figures, problem] = ["state", "path soft", "soft", "problem"].map((kind) => h("p", { class: kind }));
  const far = progress(name);
  let job = null;
  const stop = () => change(cancel(job.id), "Stopping; what is done is kept");
  const again = () => change(call("POST", `${pathOf(name)}/index`, {}), `Re-indexing ${name}`);
  const work = h("div", { class: "work" }, far.nodes, button("quiet writes", "Cancel", stop, `Cancel indexing ${name}`));
  const tools = h("div", { class: "tools" }, button("quiet writes", "Re-index", again, `Re-index ${name}`), removeButton(name));
  const element = h("li", {}, h("h3", {}, name), state, path, figures, work, problem, tools);

  const showJob = (next) => {
    job = next && !isOver(next) ? next : null;
    work.hidden = !job;
    if (job) far.show(job);
    if (next?.state === "failed") problem.textContent = plain(next.error ?? "The last job failed");
  };
  const show = (repo) => {
    state.textContent = STATES[repo.state] ?? repo.state;
    state.className = `state ${repo.state}`;
    // The end of a path tells more than its beginning.
    path.replaceChildren(h("bdi", { title: plain(repo.path) }, shown(repo.path.replace(/^.+(?=(\/[^/]+){2}$)/s, "\u2026"))));
    figures.textContent = repo.index && factsOf(repo.index);
    problem.textContent = plain(repo.error ?? "");
    showJob(repo.job);
    if (repo.job) follow(repo.job.id);
  };
  return { element, show, showJob };
}

onJob((job) => {
  items.get(job.repo)?.showJob(job);
  if (!isOver(job)) return;
  refresh();
  told.indexed();
});

export function setUpRepositories() {
  const [path, name] = [$("new-path"), $("new-name")];
  // The last folder of the path is the name that one would give.
  on(path, "change", () => {
    name.value ||= path.value.replace(/\/+$/, "").split("/").pop().replace(/[^\w.-]+/g, "-").slice(0, 64);
  });
  on($("add"), "submit", async (event) => {
    event.preventDefault();
    const asked = call("PUT", pathOf(name.value), { path: path.value.trim() });
    if (await change(asked, `Added ${name.value}`)) $("add").reset();
  });
}
