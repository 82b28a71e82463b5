// The sample grids of a run: a slider over its history.

import { address } from "./api.js";
import { el, fill, slider } from "./dom.js";
import { words } from "./words.js";

const said = words.run;
/** Milliseconds that a grid is shown when they are played, at least. */
const SHOWN = 120;

/**
 * A player of sample grids: `.element`, `.update(steps)` with the steps that have been drawn, and
 * `.close()`.
 *
 * @param {string} run
 * @param {() => {kind?: string, has_real?: boolean}} about - what is known of the run
 */
export function grids(run, about) {
  let steps = [];
  let at = -1;
  let latest = 0;
  let timer = 0;
  let real = false;

  const frame = el("div", { class: "grid-frame" });
  const caption = el("figcaption", { "aria-live": "off" });
  const range = slider({ least: 0, most: 0, step: 1, value: 0, label: said.gridLabel }, (i) => { pause(); go(i); });
  const play = el("button", { onclick: toggle }, said.play);
  const realButton = el("button", { "aria-pressed": "false", onclick: () => { real = !real; pause(); paint(); } }, said.real);
  const controls = el("div", {},
    range,
    el("div", { class: "row" },
      el("button", { "aria-label": said.earlier, title: said.earlier, onclick: () => { pause(); go(at - 1); } }, "←"), play,
      el("button", { "aria-label": said.later, title: said.later, onclick: () => { pause(); go(at + 1); } }, "→"), realButton),
    el("p", { class: "soft" }, said.keys));
  const nothing = el("p", { class: "soft" }, said.noSamples);
  const note = el("p", { class: "soft" });
  const element = el("div", { class: "panel" }, note, el("figure", {}, frame, caption), nothing, controls);
  controls.hidden = true;

  async function paint() {
    const mine = ++latest;
    const { kind, has_real: hasReal } = about();
    note.textContent = kind === "points" ? said.samplesPoints : said.samplesAbout;
    realButton.hidden = !hasReal;
    realButton.setAttribute("aria-pressed", String(real));
    nothing.hidden = steps.length > 0;
    controls.hidden = !steps.length;
    if (!steps.length) { fill(frame); caption.textContent = ""; return; }
    const step = steps[at];
    range.max = steps.length - 1;
    range.value = at;
    range.setAttribute("aria-valuetext", said.gridStep(step, at + 1, steps.length));
    caption.textContent = real ? said.realAlt : said.gridStep(step.toLocaleString("en"), at + 1, steps.length);
    const picture = el("img", {
      class: kind === "images" ? "pixels samples" : "samples", alt: real ? said.realAlt : said.gridAlt(step),
      src: real ? address("run/real", { run }) : address("run/grid", { run, step }),
    });
    try {
      await picture.decode();
    } catch { /* deleted meanwhile: the words stand in its place */ }
    if (mine === latest) fill(frame, picture);
  }

  function go(i) {
    if (!steps.length) return Promise.resolve();
    at = Math.min(steps.length - 1, Math.max(0, i));
    real = false;
    return paint();
  }

  function toggle() {
    if (timer) { pause(); return; }
    play.textContent = said.pause;
    if (at === steps.length - 1) at = -1;
    const next = async () => {
      await go(at + 1);
      if (!timer) return;
      if (at === steps.length - 1) pause();
      else timer = setTimeout(next, SHOWN);
    };
    timer = setTimeout(next, 0);
  }

  function pause() {
    clearTimeout(timer);
    timer = 0;
    play.textContent = said.play;
  }

  function key(event) {
    if (event.target.closest("input, select, textarea, button, a, summary") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowLeft") { pause(); go(at - 1); }
    else if (event.key === "ArrowRight") { pause(); go(at + 1); }
    else if (event.key === " " && steps.length) { event.preventDefault(); toggle(); }
  }
  document.addEventListener("keydown", key);

  return {
    element,
    paint,
    update(found) {
      const atEnd = at === steps.length - 1;
      const shown = steps[at];
      steps = found;
      // Stay at the newest grid, or at the one that is shown.
      at = atEnd || !steps.includes(shown) ? steps.length - 1 : steps.indexOf(shown);
      paint();
    },
    close() {
      pause();
      document.removeEventListener("keydown", key);
    },
  };
}
