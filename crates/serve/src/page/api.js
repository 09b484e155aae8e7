// Talks to the service: one way for every request, with the token, and one shape for what fails.

const TOKEN = "wherein.token";

/** A problem document (RFC 9457), or that nothing answers: then without a status. */
export class Problem extends Error {
  constructor({ title, detail = "", type = "", job = null }, status, retryAfter) {
    super(title ?? `The service answered ${status}`);
    Object.assign(this, { title: this.message, detail, kind: type.split(":").pop(), job, status, retryAfter });
  }
}

/** Set where the page is put together: `askToken(isWrong)` gives a token or nothing, `reached(isReached)`. */
export const hooks = {};

let asking = null;

/** One question for all requests that were refused. */
async function renewToken(refused, problem) {
  if ((sessionStorage.getItem(TOKEN) ?? "") !== refused) return;
  asking ??= hooks.askToken(refused !== "").finally(() => (asking = null));
  const token = await asking;
  if (!token) throw problem;
  sessionStorage.setItem(TOKEN, token);
}

async function problemOf(response) {
  const document = await response.json().catch(() => ({}));
  return new Problem(document, response.status, Number(response.headers.get("Retry-After")) || null);
}

async function send(method, path, body, signal) {
  const token = sessionStorage.getItem(TOKEN) ?? "";
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, signal, cache: "no-store", body: JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    hooks.reached(false);
    throw new Problem({ title: "The service does not answer", detail: `Nothing answers at ${location.host}.` });
  }
  hooks.reached(true);
  if (response.status === 401) {
    await renewToken(token, await problemOf(response));
    signal?.throwIfAborted();
    return send(method, path, body, signal);
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

export async function call(method, path, body, signal) {
  const response = await send(method, path, body, signal);
  return response.status === 204 ? null : response.json();
}

/** Reads server-sent events until they end. EventSource cannot send a token. */
export async function events(path, onData, signal) {
  const response = await send("GET", path, undefined, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const whole = (rest + value).split("\n\n");
    rest = whole.pop();
    for (const event of whole) {
      const data = event.split("\n").find((line) => line.startsWith("data:"));
      if (data) onData(JSON.parse(data.slice(5)));
    }
  }
}
