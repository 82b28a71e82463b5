import { el, fill } from "./dom.js";

export async function show(main, parameters) {
  fill(main, el("h1", {}, "runs"));
  return { close() {} };
}
