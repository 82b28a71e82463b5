// The page: shows the view that the address names, and closes the one before.

import { get } from "./api.js";
import { el, fill, focusAt, focusIn } from "./dom.js";
import { words } from "./words.js";

// Address → module with `show(main, parameters)`, which returns an object with `close()`.
const VIEWS = {
  runs: () => import("./runs.js"),
  run: () => import("./run.js"),
  compare: () => import("./compare.js"),
  train: () => import("./train.js"),
  playground: () => import("./playground.js"),
  explorer: () => import("./explorer.js"),
  spotting: () => import("./spotting.js"),
};
const NAVIGATION = [
  ["runs", words.common.runs],
  ["playground", words.common.playground],
  ["explorer", words.explorer.title],
  ["spotting", words.spotting.title],
];

const main = document.getElementById("main");
let shown = null;
let before = null; // the view before, and its run
let latest = 0;

/** `#/run?run=a%2Fb` → ["run", {run: "a/b"}] */
function named() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return [path || "runs", Object.fromEntries(new URLSearchParams(query ?? ""))];
}

async function show() {
  const mine = ++latest;
  const [name, parameters] = named();
  // The focus stays at its place in a view that is shown anew, and goes to the top of another one.
  const subject = `${name} ${parameters.run ?? ""}`;
  const focus = before === subject ? focusIn(main) : null;
  const moves = before !== null && before !== subject;
  before = subject;
  shown?.close?.();
  shown = null;
  fill(
    document.getElementById("nav"),
    ...NAVIGATION.map(([view, label]) =>
      el("a", { href: `#/${view}`, "aria-current": view === name ? "page" : null }, label)),
  );
  // A place of its own, so that a view which is left while it opens cannot write into the next one.
  const place = el("div", {}, el("p", { class: "soft" }, words.common.loading));
  fill(main, place);
  try {
    if (!VIEWS[name]) throw new Error(words.common.noPage);
    const view = await (await VIEWS[name]()).show(place, parameters);
    if (mine !== latest) {
      view?.close?.();
      return;
    }
    shown = view;
    if (focus) focusAt(main, focus);
    else if (moves && !place.contains(document.activeElement)) main.focus({ preventScroll: true });
  } catch (error) {
    if (mine !== latest) return;
    fill(main, el("p", { class: "problem" }, `${words.common.failed} ${error.message}`));
  }
  const title = main.querySelector("h1")?.textContent;
  document.title = title ? `${title} – ${words.common.title}` : words.common.title;
}

const about = await get("about").catch(() => ({}));
if (!location.hash) {
  if (about.start) location.hash = `#/run?run=${encodeURIComponent(about.start)}`;
  else if (about.empty) location.hash = "#/explorer"; // no run yet: the models of the zoo
}
addEventListener("hashchange", show);
show();
