import csv
import signal

import pytest

import forgery
from forgery import ForgeryError
from forgery.bench import Result, as_markdown, bench, summarise
from forgery.recipes import pacgan

SMALL = {"g_width": 8, "g_depth": 2, "d_width": 6, "steps": 12, "checkpoint_every": 4}


def small(**changes):
    return pacgan(device="cpu", threads=1, **SMALL | changes)


def test_a_benchmark_gives_the_results_of_single_runs(tmp_path):
    results = bench(small(), ["non-saturating"], [1, 2], [0, 3], tmp_path / "b")
    assert [(r.pack, r.seed, r.steps) for r in results] == [
        (1, 0, 12),
        (1, 3, 12),
        (2, 0, 12),
        (2, 3, 12),
    ]
    lines = list(csv.DictReader((tmp_path / "b/results.csv").open()))
    assert [int(line["modes"]) for line in lines] == [r.modes for r in results]
    model = forgery.train(small(seed=3, pack=2), tmp_path / "alone")
    ring = forgery.data.load("ring8").density
    reached = forgery.metrics.mode_coverage(model.sample(2500, seed=3), ring.modes, ring.mode_std)
    assert results[3].modes == reached.covered
    assert results[3].high_quality == pytest.approx(reached.high_quality, abs=2e-3)


def test_an_interrupted_benchmark_resumes_without_repetition(tmp_path):
    expected = bench(small(), ["non-saturating"], [1, 2], [0, 1], tmp_path / "whole")
    seen = []

    def stop_at(setting, step, steps):
        seen.append((setting, step))
        if setting.endswith("2") and step == 6:
            signal.raise_signal(signal.SIGINT)

    assert bench(small(), ["non-saturating"], [1, 2], [0, 1], tmp_path / "cut", stop_at) is None
    assert seen[-1] == ("non-saturating, pack 2", 6)
    seen.clear()
    again = bench(
        small(), ["non-saturating"], [1, 2], [0, 1], tmp_path / "cut",
        lambda setting, step, steps: seen.append((setting, step)),
    )  # fmt: skip
    assert seen[0] == ("non-saturating, pack 2", 7)
    assert again == expected
    # A third call only reads the results.
    seen.clear()
    bench(small(), ["non-saturating"], [1, 2], [0, 1], tmp_path / "cut")
    assert not seen


def test_a_benchmark_is_extended_by_more_steps(tmp_path):
    expected = bench(small(), ["non-saturating"], [1, 2], [0, 1], tmp_path / "whole")
    bench(small(steps=5), ["non-saturating"], [1, 2], [0, 1], tmp_path / "parts")
    seen = []
    extended = bench(
        small(), ["non-saturating"], [1, 2], [0, 1], tmp_path / "parts",
        lambda setting, step, steps: seen.append(step),
    )  # fmt: skip
    assert extended == expected
    assert seen == [*range(6, 13), *range(6, 13)]
    with pytest.raises(ForgeryError, match="of 12 steps: give --steps 12 or more"):
        bench(small(steps=5), ["non-saturating"], [1], [0, 1], tmp_path / "parts")


def test_settings_are_added_to_a_benchmark(tmp_path):
    def start(*packs):
        bench(small(steps=2), ["non-saturating"], packs, [0, 1], tmp_path)
        lines = list(csv.DictReader((tmp_path / "results.csv").open()))
        assert len((tmp_path / "results.md").read_text().splitlines()) == 4 + len(lines) // 2
        return [(int(line["pack"]), int(line["seed"])) for line in lines]

    assert start(1, 1) == [(1, 0), (1, 1)]
    assert start(2) == [(2, 0), (2, 1), (1, 0), (1, 1)]


def test_errors_of_a_benchmark(tmp_path):
    def start(out="b", seeds=(0, 1), **changes):
        bench(small(**changes), ["non-saturating"], [1], seeds, tmp_path / out)

    with pytest.raises(ForgeryError, match=r"given once; repeated: \[1\]"):
        start(seeds=(1, 0, 1))
    with pytest.raises(ForgeryError, match="no known modes: choose ring8 or grid25"):
        start(data="moons")
    with pytest.raises(ForgeryError, match="give --steps, not 2 epochs"):
        bench(pacgan().replace(epochs=2), ["non-saturating"], [1], [0], tmp_path / "b")
    start(steps=1)
    with pytest.raises(ForgeryError, match="other settings or seeds"):
        start(steps=1, g_width=9)
    moving = {"learning_rate_final": 0.5, "burn_in": 0.5}
    start(out="moving", steps=1, **moving)
    with pytest.raises(ForgeryError, match="so it cannot be extended"):
        start(out="moving", steps=2, **moving)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("not yours")
    with pytest.raises(ForgeryError, match="not a benchmark"):
        start(out="mine")


def test_damaged_files_of_a_benchmark(tmp_path):
    arguments = small(steps=1), ["non-saturating"], [1], [0], tmp_path / "b"
    expected = bench(*arguments)
    (results,) = (tmp_path / "b").glob("*/results.json")
    for content in ("", "[]", "[1]", '[{"modes": 1}]'):
        results.write_text(content)
        assert bench(*arguments) == expected  # measured again, not trained
    for content in ("", "{}", "[]"):
        (tmp_path / "b/bench.json").write_text(content)
        with pytest.raises(ForgeryError, match=r"bench\.json is damaged .*: choose another --out"):
            bench(*arguments)


def test_the_table_shows_means_errors_and_changed_settings():
    results = [Result("ring8", "non-saturating", 2, s, 12, m, q, 0) for s, m, q in
               ((0, 6, 0.5), (1, 8, 0.7))]  # fmt: skip
    (row,) = summarise(results)
    assert (row.modes, row.modes_se) == (7, pytest.approx(1))
    assert (row.high_quality, row.high_quality_se) == (pytest.approx(0.6), pytest.approx(0.1))
    table = as_markdown(results, small(), 8)
    assert "| non-saturating, packing 2 | 2 | 12 | 7.0 ± 1.0 | 60.0% ± 10.0% |" in table
    assert "7.9 ± 0.1 modes, 95.6 %" in table  # the published row
    assert "| 1 | 12 | 6.0 | 50.0% |" in as_markdown(
        results[:1], small(), 8
    )  # one seed has no error
    assert "steps 12 (published 400000)" in table
    assert "g-width 8 (published 400)" in table
    assert "Same protocol." in as_markdown(results, pacgan(), 8)
