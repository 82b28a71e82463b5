"""The published tables: the page is up to date, declarations are complete, runs are resumed."""

import json
import math
import os
import signal
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import forgery
from forgery import ForgeryError, recipes

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from published import TABLES, objectives, page, schedule  # noqa: E402
from published.declaration import Column, Place, Table, Task, tasks  # noqa: E402
from published.results import Line, Lines, append, mean_and_error  # noqa: E402
from published.rows import Ensemble, Measured, Trained  # noqa: E402

RESULTS = ROOT / "benchmarks/results/tables"


def diversity(model):
    return {"score": model.sample(20, seed=1).std().item()}


@pytest.fixture
def table(tiny):
    """A real table of seconds: two seeds of one run, and a row without training."""
    rows = (
        Trained(
            name="tiny GAN",
            config=lambda: tiny.replace(checkpoint_every=100),
            score=diversity,
            lengths=(3, 6),
            seeds=(0, 1),
            reference="1.5 (nobody 1999)",
            target="any score",
            met=lambda seeds: all(s["score"] > 0 for s in seeds),
            few_seeds="it is a test",
        ),
        Measured(
            name="a constant",
            seeds=(0,),
            reference="–: none",
            few_seeds="nothing is trained",
            measure=lambda seed: {"score": 2.0},
        ),
    )
    columns = (Column("score", "score", ".3f"),)
    headings = ("3 steps", "6 steps")
    return Table("tiny", "A score", columns, headings, rows, "In a test.")


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "runs", tmp_path / "results")


def line(**changes):
    usual = {"row": "tiny GAN", "seed": 0, "steps": 3, "scores": {"score": 1.0}}
    origin = {"machine": "a core", "commit": "abc1234", "command": "run"}
    return Line(**usual | origin | changes)


def record(task, place):
    lines = [
        line(row=task.row.name, seed=o.seed, steps=task.steps, scores=dict(o.scores))
        for o in task.row.run(task, place)
    ]
    append(place.results / "tiny.jsonl", lines)


@pytest.mark.parametrize("name", sorted({table.page for table in TABLES.values()}))
def test_the_committed_pages_are_up_to_date(name):
    text = (ROOT / "docs" / name).read_text("utf-8")
    lines = {name: Lines.read(RESULTS / f"{name}.jsonl") for name in TABLES}
    filled = page.filled(text, page.tables_of(name, TABLES), lines)
    assert filled == text, "run python benchmarks/tables.py --write"


def test_the_recorded_lines_are_those_of_declared_rows():
    assert {path.stem for path in RESULTS.glob("*.jsonl")} <= set(TABLES)
    for name, table in TABLES.items():
        found = Lines.read(RESULTS / f"{name}.jsonl").all
        keys = [(one.row, one.seed, one.steps) for one in found]
        assert len(set(keys)) == len(keys)
        for one in found:
            row = table.row(one.row)
            assert one.seed in row.seeds
            assert one.steps in row.lengths
            assert one.machine
            assert one.commit
            assert one.command.startswith("python benchmarks/")


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_row_is_declared_in_full(table):
    assert table.protocol
    assert len({row.name for row in table.rows}) == len(table.rows)
    for row in table.rows:
        assert row.reference
        assert len(row.reference) > 1  # a figure, or the reason why there is none
        assert (row.target == "–") == (row.met is None)
        assert len(row.seeds) >= 3 or row.few_seeds
        assert list(row.lengths) == sorted(set(row.lengths))
        assert row.lengths == (0,) or len(row.lengths) == len(table.headings)
        for name, other in row.waits_for:
            assert TABLES[name].row(other)
        if isinstance(row, Trained):
            config = row.settings(row.seeds[0])
            assert (config.threads, config.steps) == (1, row.lengths[-1])
    names = [task.run_name for task in tasks(table)]
    assert len(set(names)) == len({(t.row.name, t.seeds) for t in tasks(table)})


def test_seven_objectives_get_equal_time():
    table = TABLES["objectives"]
    assert len(table.rows) == 7
    for row in table.rows:
        for steps, seconds in zip(row.lengths, objectives.SECONDS, strict=True):
            spent = steps * objectives.MS[row.objective] / 1000
            assert spent == pytest.approx(seconds, rel=0.03)


def test_an_objective_is_trained_at_the_rate_that_the_search_has_chosen(place):
    distances = {1e-4: 9.0, 3e-4: 2.0, 1e-3: 5.0}
    search = [
        line(
            row=objectives.rate_name("hinge", rate),
            steps=objectives.steps("hinge", objectives.SEARCH),
            scores={"frechet": distances[rate]},
        )
        for rate in objectives.RATES
    ]
    append(place.results / "objectives-rates.jsonl", search)
    declared = objectives.TABLE.row("hinge, spectral norm")
    score = {"score": lambda model: {"rate of D": model.config.d_learning_rate}}
    row = replace(declared, lengths=(2, 4), **score)
    task = Task(objectives.TABLE, row, (0,), 2)
    (outcome,) = row.run(task, place)
    assert outcome.scores == {"rate of D": 3e-4, "rate": 3e-4}
    waiting = replace(task, row=declared)
    none = {name: Lines([]) for name in TABLES}
    assert not schedule.is_ready(waiting, TABLES, none)
    assert schedule.is_ready(waiting, TABLES, none | {"objectives-rates": Lines(search)})


def test_means_and_standard_errors():
    assert mean_and_error([1.0, 2.0, 3.0, 4.0]) == (2.5, pytest.approx(math.sqrt(5 / 3) / 2))
    assert mean_and_error([7.0]) == (7.0, None)
    assert Column("e", "error", ".1f", percent=True).show(0.031, 0.004) == "3.1 % ± 0.4"


def test_a_run_stopped_at_each_length_is_an_uninterrupted_one(table, place, tmp_path):
    for task in schedule.order([table]):
        assert not task.is_done(Lines.read(place.results / "tiny.jsonl"))
        record(task, place)
    lines = Lines.read(place.results / "tiny.jsonl")
    assert [one.steps for one in lines.all] == [3, 3, 0, 6, 6]
    assert all(task.is_done(lines) for task in tasks(table))
    row = table.rows[0]
    whole = forgery.train(row.settings(1), tmp_path / "whole")
    assert lines.find("tiny GAN", 1, 6).scores == diversity(whole)


def test_a_run_that_was_stopped_between_two_lengths_is_resumed(table, place, tmp_path):
    row = table.rows[0]
    task = Task(table, row, (0,), 6)

    def stop(event):
        if getattr(event, "step", 0) == 4:
            raise forgery.StopTraining

    forgery.train(row.settings(0), place.runs / task.run_name, callbacks=[stop])
    (outcome,) = row.run(task, place)
    whole = forgery.train(row.settings(0), tmp_path / "whole")
    assert outcome.scores == diversity(whole)
    # Killed after the last step and before the score was recorded: only scored again.
    assert row.run(task, place)[0].scores == outcome.scores
    with pytest.raises(ForgeryError, match="is at step 6, past 3"):
        row.run(replace(task, steps=3), place)


def test_a_run_with_other_settings_is_not_resumed(table, place):
    row = table.rows[0]
    row.run(Task(table, row, (0,), 3), place)
    other = replace(row, config=lambda: row.config().replace(latent=5))
    with pytest.raises(ForgeryError, match=r"latent 4 → 5"):
        other.run(Task(table, other, (0,), 6), place)


def test_seeds_that_train_together_are_extended(place):
    row = Ensemble(
        name="ring",
        config=lambda: recipes.pacgan(g_width=8, g_depth=2, d_width=6),
        pack=1,
        lengths=(2, 4),
        seeds=(0, 1, 2),
        together=True,
        reference="–: none",
    )
    table = Table("tiny", "", (), ("2 steps", "4 steps"), (row,), "")
    for task in tasks(table):
        outcomes = row.run(task, place)
        assert [outcome.seed for outcome in outcomes] == [0, 1, 2]
        assert outcomes[0].ms_per_step > 0


def test_the_estimate_counts_the_steps_that_are_left(table, place):
    nothing = Lines([])
    assert schedule.seconds_left(table, nothing, place) == (0.0, False)
    assert schedule.in_words(0.0, False) == "an unknown time"
    # Seed 0 has 3 of 6 steps left, seed 1 all of them, 100 ms each.
    some = Lines([line(ms_per_step=100.0)])
    assert schedule.seconds_left(table, some, place) == (pytest.approx(0.9), True)
    both = Lines([line(ms_per_step=100.0), line(seed=1, ms_per_step=300.0)])
    assert schedule.seconds_left(table, both, place) == (pytest.approx(6 * 0.2), True)
    row = table.rows[0]
    row.run(Task(table, row, (1,), 3), place)  # trained, but its score is not recorded
    assert schedule.seconds_left(table, some, place) == (pytest.approx(0.6), True)
    assert schedule.in_words(5400, True) == "1.5 h"
    assert schedule.in_words(600, False) == "more than 10 min"


def test_a_table_says_how_far_it_is(table):
    assert "Not measured yet" in page.block(table, Lines([]))
    begun = page.block(table, Lines([line(scores={"score": 1.5})]))
    assert "A score: 1 of 2 runs begun, at most 3 of 6 steps." in begun
    assert "| tiny GAN | 1.5 (nobody 1999) | any score | 1 of 2 (it is a test) |" in begun
    halfway = [line(scores={"score": 1.0}), line(seed=1, scores={"score": 3.0})]
    shown = page.block(table, Lines(halfway))
    assert "A score: 2 seeds, 3 of 6 steps." in shown
    assert "| 3 steps | 2.000 ± 1.000 | met so far |" in shown
    whole = [*halfway, *(replace(one, steps=6) for one in halfway)]
    shown = page.block(table, Lines(whole))
    assert "2 seeds, 6 steps" in shown
    assert "| 6 steps | 2.000 ± 1.000 | met |" in shown
    assert "a core. Commits: abc1234." in shown


def test_collapsed_seeds_are_counted_and_not_averaged(table):
    table = replace(table, is_collapsed=lambda one: one.scores["score"] < 0)
    lines = [
        line(scores={"score": 1.0}),
        line(seed=1, scores={"score": -5.0}, doctor=["D has won"]),
    ]
    shown = page.block(table, Lines(lines))
    assert "| 2, 1 collapsed (it is a test) | 3 steps | 1.000 |" in shown
    assert "| tiny GAN | 1 | -5.000 | – | D has won (collapsed) |" in shown
    # The collapsed seed is not trained further.
    left = [task for task in tasks(table) if task.steps and not task.is_done(Lines(lines))]
    assert [(task.seeds, task.steps) for task in left] == [((0,), 6)]
    shown = page.block(table, Lines([*lines, line(steps=6, scores={"score": 2.0})]))
    assert "2 seeds, 6 steps" in shown
    assert "| 2, 1 collapsed (it is a test) | 6 steps | 2.000 |" in shown


def test_the_page_must_mark_every_table(table):
    marked = "text\n<!-- table tiny -->\nold\n<!-- /table -->\nmore\n"
    filled = page.filled(marked, {"tiny": table}, {"tiny": Lines([])})
    assert filled.startswith("text\n<!-- table tiny -->\n*Not measured yet:* A score")
    assert filled.endswith("\n<!-- /table -->\nmore\n")
    assert page.filled(filled, {"tiny": table}, {"tiny": Lines([])}) == filled
    with pytest.raises(ValueError, match="expected"):
        page.filled("text", {"tiny": table}, {"tiny": Lines([])})


def test_scores_that_are_not_finite_are_kept_in_strict_json(tmp_path):
    append(tmp_path / "a.jsonl", [line(scores={"kl": math.inf})])
    assert "Infinity" not in (tmp_path / "a.jsonl").read_text().partition("null_means")[0]
    assert Lines.read(tmp_path / "a.jsonl").all[0].scores == {"kl": math.inf}


def test_the_runner_runs_what_is_missing_and_goes_on_after_a_failure(table, place):
    row = replace(table.rows[0], seeds=(0, 1, 2))
    table = replace(table, rows=(row, table.rows[1]))
    # Real processes, each of which records a line; that of seed 1 fails.
    program = (
        "import sys; path, seed, text = sys.argv[1:];"
        "sys.exit(2) if seed == '1' else open(path, 'a').write(text + '\\n')"
    )
    place.results.mkdir()

    def command(task):
        (seed,) = task.seeds
        text = json.dumps(asdict(line(row=task.row.name, seed=seed, steps=task.steps)))
        path = str(place.results / "tiny.jsonl")
        return [sys.executable, "-c", program, path, str(seed), text]

    counted = []
    runner = schedule.Runner(command, 2, lambda: counted.append(1))
    assert runner.run({"tiny": table}, ["tiny"], place) == 1
    found = {(one.row, one.seed, one.steps) for one in Lines.read(place.results / "tiny.jsonl").all}
    trained = {("tiny GAN", seed, steps) for seed in (0, 2) for steps in (3, 6)}
    assert found == trained | {("a constant", 0, 0)}
    assert len(counted) == 5


def test_a_signal_stops_the_runner_after_its_processes_have_saved(table, place, tmp_path):
    program = (
        "import pathlib, signal, sys, time;"
        "signal.signal(signal.SIGTERM, lambda *a: (pathlib.Path('saved').touch(), sys.exit(130)));"
        "pathlib.Path('ready').touch(); time.sleep(60)"
    )

    def stop_when_ready():
        while not (tmp_path / "ready").exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    def command(task):
        return [sys.executable, "-c", f"import os; os.chdir({str(tmp_path)!r}); {program}"]

    watcher = threading.Thread(target=stop_when_ready)
    watcher.start()
    runner = schedule.Runner(command, 1, lambda: None)
    assert runner.run({"tiny": table}, ["tiny"], place) == schedule.STOPPED
    watcher.join()
    assert (tmp_path / "saved").exists()
