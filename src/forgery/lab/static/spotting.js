// Spot the forgery: choose a run and how images are shown, guess, see the result.

import { address, announce, get, post } from "./api.js";
import { command, el, explained, field, fill, select } from "./dom.js";
import { curves } from "./draw.js";
import { words } from "./words.js";

const W = words.spotting;
// Milliseconds of the mark before an image that is shown for a time.
const CUE = 500;
// CSS pixels of an image's longer side at most.
const LARGEST = { one: 320, pair: 260 };

/**
 * The view: without a run a choice of runs, else a session with it.
 *
 * @param {HTMLElement} main
 * @param {{run?: string}} parameters
 */
export async function show(main, { run }) {
  if (!run) {
    chooseRun(main, await get("spotting/runs"));
    return { close() {} };
  }
  const page = new Page(main, run);
  await page.setUp();
  return page;
}

const place = (run) => `#/spotting?run=${encodeURIComponent(run)}`;

function chooseRun(main, { runs, points }) {
  const row = (run) => el(
    "tr", {},
    el("td", {}, run.problem ? run.name : el("a", { href: place(run.name) }, run.name)),
    el("td", {}, run.problem ? el("span", { class: "problem" }, run.problem) : run.data),
    el("td", {}, ...(run.people.length ? run.people.map((line) => el("div", {}, line)) : [el("span", { class: "soft" }, W.nobody)])),
  );
  fill(
    main,
    el("h1", {}, W.title),
    explained(el("p", {}, W.about)),
    runs.length ? el("p", {}, W.choose) : el("p", {}, W.noRuns),
    runs.length ? el(
      "div", { class: "scroll" },
      el("table", {}, el("thead", {}, el("tr", {}, ...[W.run, W.data, W.people].map((head) => el("th", {}, head)))), el("tbody", {}, ...runs.map(row))),
    ) : null,
    points ? el("p", { class: "soft" }, W.points(points)) : null,
  );
}

/** A session with one run: the choices, the game, the result. */
class Page {
  constructor(main, run) {
    this.main = main;
    this.run = run;
    this.asked = { mode: "one", exposure: "", length: "", name: "" };
    this.timer = 0;
    this.frame = 0;
    this.closed = false;
    this.onkey = (event) => this.key(event);
    document.addEventListener("keydown", this.onkey);
  }

  close() {
    this.closed = true;
    this.halt();
    document.removeEventListener("keydown", this.onkey);
  }

  /** End what is to happen later. */
  halt() {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
  }

  /** The choices before a session. */
  async setUp() {
    this.halt();
    this.phase = "setup";
    const about = await get("spotting/run", { run: this.run });
    if (this.closed) return;
    const { asked } = this;
    const times = [
      ["", W.noLimit], ...about.exposures.map((ms) => [String(ms), W.milliseconds(ms)]), ["staircase", W.staircase],
    ];
    const note = el("p", { class: "soft" });
    const fields = {
      mode: field(W.what, select([["one", W.one], ["pair", W.pair]], asked.mode, (event) => { asked.mode = event.target.value; })),
      exposure: field(W.time, select(times, asked.exposure, (event) => { asked.exposure = event.target.value; adapt(); })),
      length: field(W.length, select(about.lengths, asked.length || about.lengths[0], (event) => { asked.length = event.target.value; })),
      name: field(W.yourName, el("input", {
        type: "text", maxLength: 40, value: asked.name, autocomplete: "off",
        oninput: (event) => { asked.name = event.target.value; },
      }), W.nameNote),
    };
    const adapt = () => {
      const stairs = asked.exposure === "staircase";
      fields.length.element.hidden = stairs;
      note.textContent = stairs ? W.blockNote(about.block) : W.lengthNote(about.needed, about.first);
    };
    adapt();
    const problem = el("p", { class: "problem", role: "alert", hidden: true });
    const button = el("button", { class: "main", type: "button" }, W.start);
    button.addEventListener("click", async () => {
      button.disabled = true;
      button.textContent = W.starting;
      problem.hidden = true;
      for (const each of Object.values(fields)) each.problem("");
      try {
        await this.start(about);
      } catch (error) {
        const beside = Object.entries(error.fields ?? {}).filter(([name]) => fields[name]);
        for (const [name, text] of beside) fields[name].problem(text);
        problem.textContent = error.message;
        problem.hidden = beside.length > 0;
        button.disabled = false;
        button.textContent = W.start;
      }
    });
    fill(
      this.main,
      el("h1", {}, W.title),
      el("p", {}, el("a", { href: `#/run?run=${encodeURIComponent(this.run)}` }, about.name), ` · ${about.data} · ${W.step(about.step.toLocaleString("en"))}`),
      explained(el("p", {}, W.about)),
      el(
        "div", { class: "panel spotting-setup" },
        el("div", { class: "spotting-choices" }, ...Object.values(fields).map((each) => each.element)),
        note, el("div", { class: "row" }, button), problem,
      ),
      el("h2", {}, W.so_far),
      about.people.length ? el("ul", { class: "spotting-protocol" }, ...about.people.map((line) => el("li", {}, line))) : el("p", { class: "soft" }, W.nobody),
      el("details", {}, el("summary", {}, W.protocol), el("ul", { class: "spotting-protocol" }, ...W.protocolText.map((line) => el("li", {}, line)))),
      el("p", {}, el("a", { href: "#/spotting" }, W.another)),
    );
    button.focus({ preventScroll: true });
  }

  async start(about) {
    const { mode, exposure, length, name } = this.asked;
    const asked = { run: this.run, mode, exposure: /^\d+$/.test(exposure) ? Number(exposure) : exposure || null, name };
    if (exposure !== "staircase") asked.length = Number(length || about.lengths[0]);
    this.session = await post("spotting/start", asked);
    announce("");
    if (this.closed) return;
    this.session.asked = asked;
    this.showGame();
    this.present(this.session.next);
  }

  /** The elements of the game, which stay for the whole session. */
  showGame() {
    const { session } = this;
    const pair = session.mode === "pair";
    const [first, second] = pair ? ["left", "right"] : ["drawn", "real"];
    const texts = { left: W.leftReal, right: W.rightReal, drawn: W.isDrawn, real: W.isReal };
    const choice = (says) => el(
      "button", { type: "button", class: "spotting-guess", onclick: () => this.guess(says) },
      texts[says], el("kbd", {}, W.keys[says]),
    );
    this.view = {
      number: el("strong", {}),
      progress: el("progress", { "aria-label": W.title, max: 1, value: 0 }),
      score: el("span", {}, W.noScore),
      scoreOfD: el("span", {}),
      impression: el("span", {}),
      canvases: (pair ? [W.leftImage, W.rightImage] : [W.toJudge]).map((label) => el("canvas", { class: "pixels", role: "img", "aria-label": label })),
      labels: (pair ? [0, 1] : [0]).map(() => el("figcaption", { class: "spotting-truth" })),
      cue: el("span", { class: "spotting-cue", "aria-hidden": "true" }, "+"),
      status: el("p", { class: "spotting-status", role: "status" }),
      guesses: [choice(first), choice(second)],
      next: el("button", { type: "button", class: "main", onclick: () => this.proceed() }, W.next, el("kbd", {}, W.nextKey)),
      stop: el("button", { type: "button", onclick: () => this.finish() }, W.stop),
      problem: el("p", { class: "problem", role: "alert", hidden: true }),
    };
    const view = this.view;
    fill(
      this.main,
      el("h1", {}, W.title),
      el("div", { class: "row spotting-head" }, view.number, view.progress, view.score, view.scoreOfD, view.impression),
      view.stage = el(
        "div", { class: "spotting-stage", tabIndex: -1 }, view.cue,
        ...view.canvases.map((canvas, i) => el("figure", {}, canvas, view.labels[i])),
      ),
      view.status,
      el("div", { class: "row spotting-buttons" }, ...view.guesses, view.next),
      view.problem,
      el(
        "div", { class: "row spotting-foot" },
        el("span", { class: "soft" }, session.held_out ? W.testSplit(session.real) : W.trainingData(session.real)),
        session.without_d ? el("span", { class: "soft" }, W.noD(session.without_d)) : null,
        view.stop,
      ),
    );
    view.stage.focus({ preventScroll: true });
  }

  /** Load the images of a trial, and show them: at once, or after a mark and for a time. */
  async present(trial) {
    const { view, session } = this;
    this.trial = trial;
    this.phase = "loading";
    this.shown = null;
    this.enable();
    view.number.textContent = (session.mode === "pair" ? W.pairNumber : W.number)(trial.number, trial.of);
    view.progress.max = trial.of;
    view.progress.value = trial.number - 1;
    for (const label of view.labels) label.textContent = "";
    view.stage.dataset.outcome = "";
    this.blank();
    try {
      this.pictures = await Promise.all(trial.images.map((image) => this.load(image)));
    } catch (error) {
      this.fail(error);
      return;
    }
    if (this.closed || this.trial !== trial) return;
    if (trial.exposure === null) {
      this.paint();
      this.phase = "shown";
      view.status.textContent = session.mode === "pair" ? W.askPair : W.ask;
      this.enable();
      return;
    }
    this.phase = "cue";
    view.cue.hidden = false;
    view.status.textContent = W.watch;
    this.timer = setTimeout(() => { this.frame = requestAnimationFrame((now) => this.flash(now)); }, CUE);
  }

  /** Show the images for the trial's exposure, to the nearest frame of the screen. */
  flash(begun) {
    const { view, trial } = this;
    view.cue.hidden = true;
    this.paint();
    this.phase = "shown";
    this.enable();
    view.status.textContent = this.session.mode === "pair" ? W.askPair : W.ask;
    let before = begun;
    const wait = (now) => {
      // Half a frame early is as near as half a frame late.
      if (now - begun + (now - before) / 2 < trial.exposure) {
        before = now;
        this.frame = requestAnimationFrame(wait);
        return;
      }
      this.shown = now - begun;
      this.mask();
      view.status.textContent = this.session.mode === "pair" ? W.hiddenPair : W.hidden;
      if (this.phase === "shown") this.phase = "hidden";
    };
    this.frame = requestAnimationFrame(wait);
  }

  async load(image) {
    const answer = await fetch(address("spotting/image", { session: this.session.session, image }));
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? answer.statusText);
    return createImageBitmap(await answer.blob());
  }

  /** Give the canvases their size: a whole number of screen pixels for each of the image. */
  size(canvas) {
    const [, height, width] = this.session.shape;
    canvas.width = width;
    canvas.height = height;
    const pair = this.session.mode === "pair";
    const room = Math.max(64, (this.main.clientWidth - 64) / (pair ? 2 : 1) - 16);
    const most = Math.min(LARGEST[this.session.mode], room);
    const larger = Math.max(width, height);
    const times = larger <= most ? Math.floor(most / larger) : most / larger;
    canvas.style.width = `${width * times}px`;
    canvas.style.height = `${height * times}px`;
  }

  blank() {
    for (const canvas of this.view.canvases) this.size(canvas);
    this.view.stage.dataset.seen = "nothing";
    this.view.cue.hidden = true;
  }

  paint() {
    this.view.canvases.forEach((canvas, i) => {
      this.size(canvas);
      canvas.getContext("2d").drawImage(this.pictures[i], 0, 0);
    });
    this.view.stage.dataset.seen = "image";
  }

  /** Cover the images with random pixels, which do not depend on them. */
  mask() {
    const [channels, height, width] = this.session.shape;
    for (const canvas of this.view.canvases) {
      const data = new ImageData(width, height);
      for (let i = 0; i < width * height; i += 1) {
        const grey = 256 * Math.random();
        for (let c = 0; c < 3; c += 1) data.data[4 * i + c] = channels === 3 ? 256 * Math.random() : grey;
        data.data[4 * i + 3] = 255;
      }
      canvas.getContext("2d").putImageData(data, 0, 0);
    }
    this.view.stage.dataset.seen = "mask";
  }

  enable() {
    const can = this.phase === "shown" || this.phase === "hidden";
    for (const button of this.view.guesses) {
      button.disabled = !can;
      button.hidden = this.phase === "judged";
    }
    this.view.next.hidden = this.phase !== "judged";
  }

  async guess(says) {
    if (this.phase !== "shown" && this.phase !== "hidden") return;
    const { view, session, trial } = this;
    cancelAnimationFrame(this.frame);
    this.phase = "sending";
    this.enable();
    let told;
    try {
      told = await post("spotting/guess", { session: session.session, trial: trial.trial, says, shown: this.shown });
    } catch (error) {
      if (error.status) this.fail(error);
      else { // the lab has stopped: the guess can be sent again
        this.phase = "hidden";
        this.enable();
      }
      return;
    }
    announce("");
    if (this.closed) return;
    this.told = told;
    this.phase = "judged";
    this.paint();
    view.stage.dataset.outcome = told.right ? "right" : "wrong";
    view.status.replaceChildren(
      el("strong", { class: told.right ? "spotting-right" : "spotting-wrong" }, W.judged(told.right, told.answer)),
      told.d ? ` ${W.judgedD(told.d.right)}` : "",
    );
    const truths = { left: [W.real, W.drawn], right: [W.drawn, W.real], real: [W.real], drawn: [W.drawn] }[told.answer];
    view.labels.forEach((label, i) => { label.textContent = truths[i]; });
    view.score.textContent = W.score(told.total.errors, told.total.guesses);
    if (told.d_total) view.scoreOfD.textContent = W.scoreOfD(told.d_total.errors, told.d_total.guesses);
    if (told.total.guesses >= session.first && session.exposure !== "staircase") {
      view.impression.textContent = W.firstImpression(rateText(told.total));
    }
    view.progress.value = told.total.guesses;
    this.enable();
    view.next.focus({ preventScroll: true });
  }

  /** After an answer: the next image, or the result. */
  proceed() {
    if (this.phase !== "judged") return;
    if (!this.told.next) {
      this.finish();
      return;
    }
    this.view.stage.focus({ preventScroll: true });
    this.present(this.told.next);
  }

  async finish() {
    this.halt();
    if (!this.told && this.phase !== "judged") {
      this.setUp();
      return;
    }
    this.phase = "ending";
    try {
      const result = await post("spotting/end", { session: this.session.session });
      announce("");
      if (!this.closed) this.showResult(result);
    } catch (error) {
      this.fail(error);
    }
    this.told = null;
  }

  fail(error) {
    if (this.closed) return;
    this.phase = "failed";
    this.enable();
    fill(this.view.problem, `${error.message} `, el("button", { type: "button", onclick: () => { this.told = null; this.setUp(); } }, W.newSession));
    this.view.problem.hidden = false;
  }

  key(event) {
    const inField = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || inField || !this.session) return;
    const pair = this.session.mode === "pair";
    const says = pair
      ? { ArrowLeft: "left", ArrowRight: "right" }[event.key]
      : { ArrowLeft: "drawn", f: "drawn", F: "drawn", ArrowRight: "real", r: "real", R: "real" }[event.key];
    if (says && (this.phase === "shown" || this.phase === "hidden")) {
      event.preventDefault();
      this.guess(says);
    } else if ((event.key === " " || event.key === "Enter") && this.phase === "judged" && event.target.tagName !== "BUTTON") {
      event.preventDefault();
      this.proceed();
    }
  }

  /** What was found, in numbers, pictures and a sentence. */
  showResult(result) {
    this.phase = "result";
    const pairs = result.mode === "pair";
    const stairs = result.exposure === "staircase";
    const tooFew = result.total.guesses < this.session.first;
    const verdict = result.total.high < 0.5 ? W.apart : result.total.low > 0.5 ? W.hyper : W.chance;
    const rates = [
      [W.rates.all, result.total, "you"],
      ...(pairs ? [] : [[W.rates.fakes, result.fakes, "you"], [W.rates.reals, result.reals, "you"]]),
      ...(result.d ? [[W.rates.d, result.d, "d"]] : []),
    ];
    const time = result.exposure === null ? W.noLimitShort : W.milliseconds(result.exposure);
    const sentence = stairs
      ? W.sentenceTime({ run: result.run, step: result.step.toLocaleString("en"), guesses: result.total.guesses, ms: result.threshold })
      : W.sentence({
        run: result.run, step: result.step.toLocaleString("en"), guesses: result.total.guesses, pairs, time,
        rate: W.percent(result.total.rate), interval: W.interval(result.total.low, result.total.high),
        d: result.d ? W.percent(result.d.rate) : "",
      });
    const plot = stairs ? el("canvas", { class: "plot" }) : null;
    const title = el("h1", { class: "spotting-result", tabIndex: -1 }, `${W.title}: ${W.result}`);
    fill(
      this.main,
      title,
      el("p", { class: "soft" }, `${result.run} · ${W.step(result.step.toLocaleString("en"))} · ${stairs ? W.staircase : time}`),
      el(
        "p", { class: "spotting-headline" },
        stairs ? W.headlineTime(result.threshold)
          : W.headline(W.percent(result.total.rate), W.interval(result.total.low, result.total.high), result.total.guesses, pairs),
      ),
      tooFew ? null : el("p", {}, stairs ? W.stairs : verdict),
      el("p", { class: "soft" }, result.recorded ? W.recorded : tooFew ? W.tooFew(this.session.first, result.needed) : W.preliminary(result.needed), result.shown === null ? "" : ` ${W.shownFor(result.shown)}`),
      result.note ? el("p", { class: "problem" }, result.note) : null,
      plot,
      el("div", { class: "spotting-rates" }, ...rates.flatMap(([label, rate, who]) => rateRow(label, rate, who))),
      explained(el("p", {}, W.scale)),
      result.without_d ? el("p", { class: "soft" }, W.noD(result.without_d)) : null,
      ...(tooFew ? [] : [el("h2", {}, W.quote), command(sentence, W.copy)]),
      el(
        "div", { class: "row spotting-onwards" },
        el("button", { type: "button", class: "main", onclick: () => this.setUp() }, W.again),
        el("a", { href: "#/spotting" }, W.another),
        el("a", { href: `#/run?run=${encodeURIComponent(result.run)}` }, W.toRun),
      ),
      ...(result.kinds.length ? [el("h2", {}, W.reading(result.divided_by)), kindsTable(result), el("p", { class: "soft" }, W.kindsNote)] : []),
      el("h2", {}, W.fooledTitle(result.fooled.length, result.total.errors)),
      result.fooled.length ? this.gallery(result) : el("p", {}, W.nothingWrong),
    );
    if (plot) {
      const series = { name: `${W.exposures} (ms)`, x: result.exposures.map((_, i) => i + 1), y: result.exposures };
      const lines = [{ y: result.threshold, name: W.milliseconds(result.threshold) }];
      curves(plot, [series], { x: W.guess, low: 0, lines, height: 200 });
    }
    title.focus();
    scrollTo(0, 0);
  }

  gallery({ fooled, divided_by: what }) {
    const [, height, width] = this.session.shape;
    const times = Math.max(1, Math.floor(84 / Math.max(height, width)));
    const size = (img) => {
      img.style.width = `${Math.min(width * times, 112)}px`;
      return img;
    };
    return el("div", { class: "spotting-gallery" }, ...fooled.map((each) => el(
      "figure", {},
      el("div", { class: "row" }, ...each.images.map((image, i) => size(el("img", {
        class: "pixels", src: address("spotting/image", { session: this.session.session, image }),
        alt: each.images.length === 1 ? W.tookFor[each.answer] : [W.leftImage, W.rightImage][i],
      })))),
      el("figcaption", {}, ...[W.tookFor[each.answer], each.kind && what ? W.kindOf(what, each.kind) : "", W.dToo(each.d_right)].filter(Boolean).map((text) => el("div", {}, text))),
    )));
  }
}

const rateText = (rate) => `${W.percent(rate.rate)} ${W.interval(rate.low, rate.high)}`;

/** A label, a bar from 0 to 100 % with the interval and 50 % marked, and the numbers. */
function rateRow(label, rate, who) {
  const range = el("span", { class: `spotting-range ${who}` });
  range.style.left = `${100 * rate.low}%`;
  range.style.width = `${100 * (rate.high - rate.low)}%`;
  const point = el("span", { class: `spotting-point ${who}` });
  point.style.left = `${100 * (rate.rate ?? 0)}%`;
  return [
    el("span", {}, label),
    el("span", { class: "spotting-track", "aria-hidden": "true" }, el("span", { class: "spotting-half" }), ...(rate.guesses ? [range, point] : [])),
    el("span", { class: "spotting-number" }, rate.guesses ? rateText(rate) : "–", el("span", { class: "soft" }, ` ${W.wrongOf(rate.errors, rate.guesses)}`)),
  ];
}

function kindsTable({ kinds, divided_by: what }) {
  const row = (each) => el(
    "tr", {},
    el("td", {}, W.kindOf(what, each.kind)),
    el("td", { class: "number" }, `${each.errors} / ${each.guesses}`),
    el("td", { class: "number" }, rateText(each)),
  );
  return el(
    "div", { class: "scroll" },
    el(
      "table", {},
      el("thead", {}, el("tr", {}, el("th", {}, W.kind), el("th", { class: "number" }, W.fooledOf), el("th", { class: "number" }, "%"))),
      el("tbody", {}, ...kinds.map(row)),
    ),
  );
}
