import pytest

import forgery
from forgery import recipes, studio
from forgery.data import load
from forgery.pixels import to_model
from forgery.training.doctor import CHECKS, INFANCY, PATIENCE, Doctor, diagnose
from forgery.training.run import open_run


def reports(n=30, **numbers):
    """A healthy run's reports, with some numbers replaced by functions of the report's index."""
    healthy = {
        "d_loss": lambda i: 1.1 + 0.05 * (i % 3),
        "g_loss": lambda i: 1.2 - 0.04 * (i % 4),
        "d_real": lambda i: 0.65,
        "d_fake": lambda i: 0.35 + 0.02 * (i % 2),
        "g_gradient": lambda i: 0.5,
        "diversity": lambda i: 0.97 + 0.003 * (i % 5),
    }
    return [
        {"step": 200 * (i + 1), "findings": []}
        | {name: float(make(i)) for name, make in (healthy | numbers).items()}
        for i in range(n)
    ]


ILLNESSES = {
    "D has won": {"d_loss": lambda i: 1e-3, "d_fake": lambda i: 1e-4},
    "collapsed": {"diversity": lambda i: 0.9 - 0.02 * i},
    "oscillating": {"d_fake": lambda i: 0.9 if i % 2 else 0.1},
    "stalled": {"diversity": lambda i: 0.9},
    "diverging": {"g_loss": lambda i: 2.0**i},
}


def test_a_healthy_run_has_no_findings():
    assert diagnose(reports()) == []
    assert diagnose([]) == []


@pytest.mark.parametrize("name", ILLNESSES)
def test_each_illness_is_found_alone_and_told_once(name):
    findings = diagnose(reports(**ILLNESSES[name]))
    assert [finding.name for finding in findings] == [name]
    assert all(text in str(findings[0]) for text in ("step", "Try: "))


def test_every_check_has_an_illness():
    assert len(ILLNESSES) == len(CHECKS)


@pytest.mark.parametrize("name", ILLNESSES)
def test_a_moment_of_it_is_no_illness(name):
    spell = ILLNESSES[name]
    healthy, ill = reports(), reports(**spell)
    for i in range(15, 15 + PATIENCE - 1):
        healthy[i] = ill[i]
    assert diagnose(healthy) == []


def test_little_variety_is_normal_in_infancy():
    young = reports(n=INFANCY // 200, diversity=lambda i: 0.1 + 0.005 * i)
    assert diagnose(young) == []


def test_variety_that_was_there_and_is_lost_is_a_collapse_at_any_age():
    fallen = reports(n=12, diversity=lambda i: 0.9 + 0.01 * (i % 2) if i < 5 else 0.2 + 0.01 * i)
    assert [finding.name for finding in diagnose(fallen)] == ["collapsed"]
    assert diagnose(fallen)[0].step == 200 * (5 + PATIENCE)


def test_a_resumed_run_is_not_told_again():
    ill = reports(**ILLNESSES["D has won"])
    ill[5]["findings"] = [{"name": "D has won"}]
    assert Doctor(ill[:10]).examine(ill[10]) == []


SMALL = {
    "g_width": 64, "d_width": 64, "device": "cpu", "threads": 1, "sample_every": 10**9,
    "checkpoint_every": 10**9, "report_every": 100,
}  # fmt: skip
PROVOKED = {
    # minimax against a D that learns much faster: found within 500 steps
    "D has won": {
        "objective": "minimax",
        "g_learning_rate": 1e-5,
        "d_learning_rate": 2e-3,
        "steps": 500,
    },
    # a G that hardly moves: within 500
    "stalled": {"g_learning_rate": 1e-9, "steps": 500},
    # a G that runs ahead of D with a long memory: within INFANCY + 300
    "collapsed": {
        "g_learning_rate": 1e-2,
        "d_learning_rate": 1e-4,
        "beta1": 0.9,
        "g_width": 16,
        "d_width": 16,
        "steps": INFANCY + 300,
    },
}


@pytest.mark.parametrize("name", PROVOKED)
def test_a_run_provoked_into_an_illness_is_diagnosed(tmp_path, name):
    told = []
    forgery.train(
        recipes.mlp(**SMALL).replace(**PROVOKED[name]),
        tmp_path / "run",
        lambda step, done, report: told.extend(report.findings if report else ()),
    )
    assert name in [finding.name for finding in told]
    recorded = open_run(tmp_path / "run").read_metrics()
    assert diagnose(recorded) == told
    assert [f["name"] for line in recorded for f in line["findings"]] == [f.name for f in told]


def test_a_healthy_short_run_raises_no_alarm(tmp_path):
    forgery.train(recipes.mlp(**SMALL, steps=1500), tmp_path / "run")
    assert diagnose(open_run(tmp_path / "run").read_metrics()) == []


def test_a_generator_that_copies_is_found_memorising(tmp_path, monkeypatch):
    forgery.train(recipes.mlp(**SMALL, steps=100, split="train50k"), tmp_path / "run")
    assert studio.examine(tmp_path / "run", samples=300) == []
    copies = to_model(load("mnist", "train50k").images[:300])
    monkeypatch.setattr(studio.Model, "sample", lambda self, n: copies)
    (finding,) = studio.examine(tmp_path / "run", samples=300)
    assert finding.name == "memorising"
    assert "100% of the samples" in finding.seen
