"""The statements: their claims hold, and docs/theory.md is up to date."""

import re
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from forgery import theory
from forgery.cli import main
from forgery.errors import ForgeryError
from forgery.theory import STATEMENTS, Check, Evidence
from forgery.theory.page import COLUMNS, figure_name, page

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/theory.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (.+?) \| (\S+) \| (\S+) \| (\S+) \| (\w+) \|$", re.M)


#: Statements that train networks. Results of training depend on the processor, so that the tests
#: train for a few steps only and do not check the claims; ``forgery theory`` does.
TRAINED = {"figure-1", "proposition-1", "capacity"}


@pytest.mark.parametrize("name", [name for name in STATEMENTS if name not in TRAINED])
def test_claims_without_training_hold(results, name):
    assert results[name].checks
    for check in results[name].checks:
        assert check.holds, check


def test_the_page_is_up_to_date(results):
    """Text and expected values are equal; measured values are within the check's tolerance.

    For statements that train networks, only that the page says that every claim holds.
    """
    results = {name: results[name] for name in STATEMENTS}
    fresh = page(STATEMENTS, results)
    without_measured = [ROW.sub(r"| \1 | \2 | | \4 | |", text) for text in (PAGE, fresh)]
    stale = "docs/theory.md is stale: forgery theory --out docs"
    assert without_measured[0] == without_measured[1], stale
    rows = [row for row in ROW.findall(PAGE) if row[0] not in ("claim", "---")]
    checks = [(name, check) for name, evidence in results.items() for check in evidence.checks]
    for (claim, _, measured, _, holds), (name, check) in zip(rows, checks, strict=True):
        assert claim == check.claim
        assert holds == "yes"
        found = check.expected if name in TRAINED else check.measured
        assert abs(float(measured) - found) <= check.tolerance + 1e-7, stale


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_figure_of_the_page_exists(name):
    assert figure_name(name) in PAGE
    assert (ROOT / "docs" / figure_name(name)).stat().st_size <= 300_000


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_figure_is_drawn(results, name, tmp_path):
    results[name].draw().savefig(tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as picture:
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 20


def test_claims_are_unique():
    claims = [row[0] for row in ROW.findall(PAGE) if row[0] not in ("claim", "---")]
    assert len(set(claims)) == len(claims)


@pytest.mark.parametrize("name", ["theorem-1", "proposition-2", "objectives", "gradients"])
def test_results_are_deterministic_and_leave_the_random_state_unchanged(results, name):
    state = torch.get_rng_state()
    assert STATEMENTS[name]().checks == results[name].checks
    assert torch.equal(torch.get_rng_state(), state)


def test_training_leaves_the_random_state_unchanged():
    from forgery.theory.discriminator import train_discriminator
    from forgery.theory.pairs import PAIRS

    state = torch.get_rng_state()
    train_discriminator(*PAIRS["two Gaussians"], width=2, depth=1, steps=2)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("expected", "measured", "tolerance", "holds"),
    [
        (1.0, 1.0, 0, True),
        (0, 0, 0, True),
        (0, 1, 0, False),
        (0.0, -0.011, 0.01, False),
        (2.0, 2.05, 0.1, True),
        (0.0, float("nan"), 1.0, False),
        (0.0, float("inf"), 1.0, False),
    ],
)
def test_a_check_holds_within_its_tolerance(expected, measured, tolerance, holds):
    assert Check("", expected, measured, tolerance).holds is holds


def false_statement() -> Evidence:
    """A false statement"""
    from matplotlib.figure import Figure

    return Evidence([Check("log 4 is 2", 2.0, 1.3862944, 1e-6)], Figure)


@pytest.fixture
def forgery(monkeypatch, capsys, tmp_path):
    """Run ``forgery theory`` in a temporary folder: arguments → (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["forgery", "theory", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return left.value.code or 0, captured.out, captured.err

    return run


def test_the_command_prints_and_draws_the_given_statements(forgery):
    code, out, _ = forgery("gradients", "theorem-1", "--out", "here")
    assert code == 0
    for column in COLUMNS:
        assert column in out
    assert out.index("Section 3") < out.index("Theorem 1")
    assert "11 of 11 claims hold" in out
    found = {str(path.relative_to("here")) for path in Path("here").rglob("*.png")}
    assert found == {figure_name("gradients"), figure_name("theorem-1")}
    assert not Path("here/theory.md").exists()  # the page needs all statements


def test_a_failed_claim_is_reported_with_exit_code_1(forgery, monkeypatch):
    monkeypatch.setattr(theory, "STATEMENTS", {"false": false_statement})
    code, out, _ = forgery("--out", ".")
    assert code == 1
    assert "NO" in out
    assert "0 of 1 claims hold" in out
    assert "| log 4 is 2 | 2 | 1.386294 | 1e-06 | NO |" in Path("theory.md").read_text()


def test_user_errors_give_one_message_and_exit_code_2(forgery):
    code, _, err = forgery("theorm-1")
    assert code == 2
    assert "unknown statement 'theorm-1': did you mean 'theorem-1'?" in err
    Path("taken").write_text("")
    code, _, err = forgery("gradients", "--out", "taken")
    assert code == 2
    assert "cannot write to taken" in err


def test_a_folder_that_cannot_be_made_is_refused_before_computing(forgery, monkeypatch):
    def never() -> Evidence:
        """A statement"""
        raise AssertionError("computed in vain")

    monkeypatch.setattr(theory, "STATEMENTS", {"never": never})
    Path("taken").write_text("")
    code, _, err = forgery("never", "--out", "taken")
    assert code == 2
    assert "cannot write to taken" in err


def test_the_text_of_a_statement_that_is_named_is_printed(forgery):
    code, out, _ = forgery("objectives")
    assert code == 0
    text = " ".join(out.split())
    assert "Minimax minimises the Jensen-Shannon divergence (Theorem 1)." in text


def test_the_help_names_every_statement(forgery):
    out = " ".join(forgery("--help")[1].split())
    assert all(name in out for name in STATEMENTS)


def test_an_unwritable_folder_is_refused(tmp_path):
    (tmp_path / "images").write_text("")
    with pytest.raises(ForgeryError, match="cannot write to"):
        theory.write(tmp_path, STATEMENTS, {})
