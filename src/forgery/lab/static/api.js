// Requests to the lab, and its streams of events.

import { words } from "./words.js";

/** An error that the lab answered: its message, and messages by field. */
export class Refused extends Error {
  constructor(message, status, fields = {}) {
    super(message);
    this.status = status;
    this.fields = fields;
  }
}

/** `address("run", { run: "digits" })` → "/api/run?run=digits"; null values are left out. */
export function address(path, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `/api/${path}${text ? `?${text}` : ""}`;
}

/** The JSON answer to a GET. */
export const get = (path, parameters, signal) => ask(address(path, parameters), { signal });

/** The JSON answer to a POST of an object, or of a Blob. */
export function post(path, content = {}, parameters = {}) {
  const blob = content instanceof Blob;
  return ask(address(path, parameters), {
    method: "POST",
    headers: blob ? {} : { "Content-Type": "application/json" },
    body: blob ? content : JSON.stringify(content),
  });
}

/** The bytes that answer a GET, or a POST of bytes if there are any: a Uint8Array. */
export function binary(path, parameters, content) {
  const options = content === undefined ? {} : { method: "POST", body: content };
  return ask(address(path, parameters), options, async (answer) => new Uint8Array(await answer.arrayBuffer()));
}

async function ask(path, options, read = (answer) => answer.json()) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    announce(words.common.lost);
    throw new Refused(words.common.lost, 0);
  }
  if (answer.ok) {
    announce("");
    return read(answer);
  }
  let said = {};
  try {
    said = await answer.json();
  } catch { /* not JSON: the status says it */ }
  throw new Refused(said.error ?? `${answer.status} ${answer.statusText}`, answer.status, said.fields);
}

/**
 * Follow a stream of events until `close()` is called.
 *
 * When the lab stops, the banner says so, and the stream is opened again as soon as the lab is back.
 * While the page is hidden, the stream is closed: browsers allow six connections to a host, and each
 * tab would keep one.
 *
 * @param {string} path
 * @param {Object} parameters
 * @param {Object<string, (content: any) => void>} handlers - by the name of the event; `reopened` is
 *   called when the lab is back, or the page is shown again.
 * @param {boolean} whileHidden - whether to keep the stream while the page is hidden.
 */
export function follow(path, parameters, handlers, whileHidden = false) {
  let source = null;
  let timer = 0;
  let lost = false;
  let times = 0; // how often the stream was closed
  const open = () => {
    source = new EventSource(address(path, parameters));
    source.onopen = () => {
      announce("");
      if (lost) handlers.reopened?.();
      lost = false;
    };
    source.onerror = () => {
      source.close();
      lost = true;
      timer = setTimeout(retry, 500);
    };
    for (const [name, handler] of Object.entries(handlers)) {
      if (name !== "reopened") source.addEventListener(name, (event) => handler(JSON.parse(event.data)));
    }
  };
  const retry = async () => {
    const mine = times;
    let status = 0;
    try {
      status = (await fetch("/api/about")).status;
    } catch { /* still away */ }
    if (mine !== times) return; // the stream was closed meanwhile
    if (status === 200) open();
    else {
      announce(status === 403 ? words.common.changedToken : words.common.lost);
      timer = setTimeout(retry, 1000);
    }
  };
  const stop = () => {
    times += 1;
    clearTimeout(timer);
    source?.close();
  };
  const turn = () => {
    stop();
    if (document.hidden) lost = true;
    else open();
  };
  if (!whileHidden) document.addEventListener("visibilitychange", turn);
  if (whileHidden || !document.hidden) open();
  return {
    close() {
      document.removeEventListener("visibilitychange", turn);
      stop();
    },
  };
}

/** Show a message above the page; an empty one hides it. */
export function announce(message) {
  const banner = document.getElementById("banner");
  banner.textContent = message;
  banner.hidden = !message;
}
