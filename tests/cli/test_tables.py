"""Tables of score cards on terminals of different widths."""

import io
import json
import math
import re
from dataclasses import replace

import pytest
from rich.console import Console

from forgery.cli._tables import as_csv, as_json, as_markdown, card_table, group
from forgery.evaluation import MEASURES, Card, Protocol
from forgery.evaluation.measures import title

LONG = "runs/a-folder-of-some-length/mnist-2026-07-14-101500"
SCORES = {name: -0.01234 for name in MEASURES if "code" not in name and "clustered" not in name}
PROTOCOL = Protocol("mnist[train]", "a", "mnist[test]", "b", "mnist-digits", "c", 10_000, 0)


def card(run: str, scores: dict[str, float] = SCORES) -> Card:
    return Card(run, 123_456, PROTOCOL, scores, SCORES, 0, [], {})


def rendered(runs: list[str], width: int) -> tuple[list[str], list[str]]:
    file = io.StringIO()
    table, legend = card_table([card(run) for run in runs], width)
    Console(file=file, width=width).print(table)
    return [line.rstrip() for line in file.getvalue().splitlines()], legend


@pytest.mark.parametrize("runs", [["a"], [LONG], [LONG, "b"], [LONG, LONG + "-2"]])
@pytest.mark.parametrize("width", [80, 120])
def test_no_name_is_broken(runs, width):
    lines, legend = rendered(runs, width)
    for measure in SCORES:
        assert any(line.startswith(f"{title(measure, PROTOCOL)} ") for line in lines), measure
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(lines)
    printed = "\n".join([*lines, *legend])
    assert all(run in printed for run in runs)
    assert printed.count("step 123,456") == len(runs)


@pytest.mark.parametrize("count", [3, 4])
def test_many_runs_wrap_long_names_between_words_only(count):
    lines, legend = rendered([LONG] * count, 80)
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    assert len(legend) == count
    text = "\n".join(lines)
    for whole in ("(k = 3)", "× 1000", "log-likelihood,"):
        assert whole in text
    # Without the numbers beside their first lines, the names are complete.
    names = re.sub(
        r"( *-(0\.01234|1\.23%)){2,} *(lower|higher|about 1%|see note|)$", "", text, flags=re.M
    )
    for measure in SCORES:
        assert title(measure, PROTOCOL) in " ".join(names.split())


def test_headings_are_paths_if_there_is_room():
    lines, legend = rendered(["short", "other"], 100)
    assert "short" in "".join(lines)
    assert legend == []
    _, legend = rendered([LONG, LONG + "-2"], 100)
    assert legend == [f"run 1: {LONG}, step 123,456", f"run 2: {LONG}-2, step 123,456"]


def test_an_infinite_score_of_a_seed_has_no_standard_error():
    cards = [card("a", {"class_kl": 1.0}), card("b", {"class_kl": math.inf})]
    (column,) = group(cards, ["same", "same"])
    assert column.card.scores["class_kl"] == math.inf
    assert math.isnan(column.errors["class_kl"])
    assert "| inf |" in as_markdown([column])


def test_runs_on_different_data_have_a_floor_each():
    cards = [
        replace(
            card(name, {"frechet": 2.0}),
            protocol=replace(PROTOCOL, train=f"set {name}", train_fingerprint=name),
            floor={"frechet": floor},
        )
        for name, floor in (("a", 0.25), ("b", 0.5))
    ]
    columns = group(cards, ["a", "b"])
    head, row = (line.split(",") for line in as_csv(columns).splitlines())
    assert head[-2:] == ["real set a", "real set b"]
    assert row[-2:] == ["0.25", "0.5"]
    lines = as_markdown(columns).splitlines()
    assert lines[0].endswith("| real set a | real set b | better |")
    assert lines[2].endswith("| 0.25 | 0.5 | lower |")


def test_points_without_an_extractor_are_not_called_images():
    protocol = replace(PROTOCOL, extractor="none", extractor_sha256="")
    assert title("near_train", protocol) == "suspected copies of training data"
    assert title("near_train", replace(protocol, extractor="coordinates")).endswith("points")


def test_seeds_share_a_column_with_their_mean_and_standard_error():
    cards = [card("a", {"frechet": 9.0}), card("b", {"frechet": 5.0}), card("c", {"frechet": 11.0})]
    columns = group(cards, ["one", "other", "one"])
    assert [column.runs for column in columns] == [("a", "c"), ("b",)]
    assert columns[0].card.scores == {"frechet": 10.0}
    assert columns[0].errors == {"frechet": pytest.approx(1.0)}
    table, _ = card_table([c.card for c in columns], 100, [c.errors for c in columns])
    file = io.StringIO()
    Console(file=file, width=100).print(table)
    assert "a (2 seeds)" in file.getvalue()
    assert "10.0 ± 1.0" in file.getvalue()
    assert as_csv(columns).splitlines() == [
        "measure,a (2 seeds),a (2 seeds) standard error,b,b standard error,real images",
        "frechet,10.0,1.0,5.0,,-0.01234",
    ]
    assert "| Fréchet distance | 10.0 ± 1.0 | 5 | -0.01234 | lower |" in as_markdown(columns)
    first, second = json.loads(as_json(columns))["columns"]
    assert first["ratios"] == {}  # its floor is below 0
    assert (first["runs"], first["scores"]) == (["a", "c"], {"frechet": 10.0})
    assert second["standard_errors"] == {}
