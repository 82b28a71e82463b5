import json
import math
from pathlib import Path

import pytest
import torch

import forgery
from forgery import model
from forgery.data import load
from forgery.objectives import OBJECTIVES
from forgery.pixels import to_model
from forgery.training import doctor
from forgery.training.doctor import (
    CHECKS,
    INFANCY,
    PATIENCE,
    Doctor,
    Finding,
    diagnose,
    swings,
    too_early,
)
from forgery.training.report import Comparison
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
        "energy_distance": lambda i: 1 / (i + 1) + 0.006,
    }
    return [
        {"step": 200 * (i + 1), "findings": [], "quality": {}}
        | {name: float(make(i)) for name, make in (healthy | numbers).items()}
        for i in range(n)
    ]


PROBLEMS = {
    "D has won": {
        "d_real": lambda i: 0.999,
        "d_fake": lambda i: 1e-4,
        "g_gradient": lambda i: 1e-3,
    },
    "collapsed": {"diversity": lambda i: 0.9 - 0.02 * i},
    "oscillating": {"d_fake": lambda i: 0.6 if i % 2 else 0.1},
    "stalled": {"diversity": lambda i: 0.9, "energy_distance": lambda i: 0.1},
    "getting worse": {"energy_distance": lambda i: 1 / (i + 1) + 0.02 * max(0, i - 8)},
    "diverging": {"g_loss": lambda i: 2.0**i},
}


def test_a_healthy_run_has_no_findings():
    assert diagnose(reports()) == []
    assert diagnose([]) == []


def test_what_is_too_early_to_judge_is_said():
    alike = {"diversity": lambda i: 0.03}
    assert "a problem must last for 3 reports" in str(too_early(reports(2)))
    assert too_early(reports(3)) is None
    assert "is a finding from step 10,000 on" in str(too_early(reports(6, **alike)))
    assert diagnose(reports(6, **alike)) == []
    late = reports(PATIENCE - 1 + INFANCY // 200 + 1, **alike)
    assert too_early(late) is None
    assert "collapsed" in [finding.name for finding in diagnose(late)]


@pytest.mark.parametrize("name", PROBLEMS)
def test_each_problem_is_found_alone_and_reported_once(name):
    findings = diagnose(reports(**PROBLEMS[name]))
    assert [finding.name for finding in findings] == [name]
    assert all(text in str(findings[0]) for text in ("step", "Try: "))


def test_every_check_has_a_case():
    assert len(PROBLEMS) == len(CHECKS)


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_short_episode_is_no_problem(name):
    spell = PROBLEMS[name]
    healthy, faulty = reports(), reports(**spell)
    for i in range(15, 15 + PATIENCE - 1):
        healthy[i] = faulty[i]
    assert diagnose(healthy) == []


SURE = {"d_real": lambda i: 0.999, "d_fake": lambda i: 1e-4}


def test_d_has_won_does_not_depend_on_the_losses():
    faulty = PROBLEMS["D has won"] | {"d_loss": lambda i: -40.0 + i, "g_loss": lambda i: 20.0 - i}
    assert [finding.name for finding in diagnose(reports(**faulty))] == ["D has won"]


def test_a_d_that_is_sure_has_not_won_while_g_learns():
    assert diagnose(reports(**SURE, energy_distance=lambda i: 0.1 / (i + 1))) == []


def test_a_d_that_is_sure_has_won_if_samples_stay_unlike_the_data():
    faulty = reports(**SURE, energy_distance=lambda i: 1 - 0.001 * i)
    assert [finding.name for finding in diagnose(faulty)] == ["D has won"]


@pytest.mark.parametrize(
    ("objective", "real", "fake"),
    [("non-saturating", 0.999, 1e-4), ("least-squares", 0.731, 0.5), ("hinge", 0.75, 0.25)],
)
def test_d_has_won_where_its_loss_is_least(objective, real, fake):
    """The least loss of least squares is at logits of 1 and 0, of which a sigmoid is .73 and .5."""
    faulty = {"d_real": lambda i: real, "d_fake": lambda i: fake, "g_gradient": lambda i: 1e-3}
    assert [f.name for f in diagnose(reports(**faulty), objective)] == ["D has won"]
    swinging = {"d_real": lambda i: real if i % 2 else (real + fake) / 2, "d_fake": lambda i: fake}
    assert [f.name for f in diagnose(reports(**swinging), objective)] == ["oscillating"]
    # Outputs that only cross-entropies give to a D which is undecided.
    undecided = OBJECTIVES[objective].undecided
    level = 1 / (1 + math.exp(-undecided))
    even = {"d_real": lambda i: level, "d_fake": lambda i: level}
    assert diagnose(reports(**even), objective) == []


@pytest.mark.parametrize("objective", ["wasserstein", "relativistic"])
def test_outputs_without_a_meaning_are_not_judged(objective):
    healthy = SURE | {"g_gradient": lambda i: 5.0 if i < 3 else 0.4}
    assert diagnose(reports(**healthy), objective) == []
    swinging = {"d_real": lambda i: 0.9 if i % 2 else 0.2}
    assert diagnose(reports(**swinging), objective) == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.5] * 9, 0),
        ([0.1 * i for i in range(9)], 1),
        ([0.0, 1.0] * 3, 5),
        ([0.0, 0.5, 1.0, 0.9, 0.95, 0.0], 2),
        ([0.0, 0.1] * 9, 0),
    ],
)
def test_swings_are_counted(values, expected):
    assert swings(values, 0.2) == expected


def with_frechet(distances, every=5):
    """A healthy run's reports, with a Fréchet distance in every fifth."""
    lines = reports(n=every * len(distances))
    for i, distance in enumerate(distances):
        lines[every * (i + 1) - 1]["quality"] = {"frechet": distance}
    return lines


def test_a_rising_frechet_distance_is_reported_with_its_best_step():
    (finding,) = diagnose(with_frechet([9.0, 4.0, 3.0, 3.5, 3.8, 3.9, 4.1]))
    assert (finding.name, finding.step) == ("getting worse", 7000)
    assert "was 3 at step 3,000" in finding.seen
    assert "--step best" in finding.remedy


def test_a_fluctuating_frechet_distance_is_no_problem():
    assert diagnose(with_frechet([9.0, 4.0, 3.0, 3.9, 3.8, 3.1, 3.9, 3.9, 3.6, 3.7])) == []


def test_samples_that_never_were_like_the_data_do_not_get_worse():
    assert diagnose(reports(energy_distance=lambda i: 0.5 + 0.05 * i)) == []


@pytest.mark.parametrize("old", [15, 30])
@pytest.mark.parametrize("name", [name for name in PROBLEMS if name != "getting worse"])
def test_a_run_without_energy_distance_can_be_continued(name, old):
    lines = reports(**PROBLEMS[name])
    for line in lines[:old]:
        del line["energy_distance"]
    assert [finding.name for finding in diagnose(lines)] == [name]


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 2, 2), (2,)])
def test_the_comparison_works_for_images_and_points(shape):
    torch.manual_seed(0)
    real, same = torch.randn(2, 400, *shape).unbind()
    compare = Comparison(real)
    diversity, distance = compare(same)
    assert diversity == pytest.approx(1, abs=0.05)
    assert 0 < distance < 0.02
    assert compare(3 * same)[0] == pytest.approx(3, abs=0.15)
    assert compare(same[:1].expand(400, *shape))[0] == pytest.approx(0, abs=1e-3)
    farther = [compare(same + shift)[1] for shift in (0.0, 0.5, 1.0, 2.0)]
    assert farther == sorted(farther)
    assert Comparison(10 * real)(10 * same) == pytest.approx((diversity, distance), rel=1e-3)


def test_the_energy_distance_detects_a_kind_that_is_drawn_too_often():
    digits = load("mnist", "train50k")
    images = to_model(digits.values[:4000]).flatten(1)
    compare = Comparison(images[:512])
    fresh = images[1000:]
    ones = fresh[digits.labels[1000:4000] == 1]
    balanced, tilted = fresh[:512], torch.cat([fresh[:412], ones[:100]])
    assert compare(tilted)[1] > 1.5 * compare(balanced)[1]


def test_equal_real_images_can_be_compared():
    assert Comparison(torch.zeros(5, 1, 2, 2))(torch.zeros(3, 1, 2, 2)) == (0, 0)
    assert Comparison(torch.zeros(1, 2))(torch.zeros(1, 2)) == (1, 0)


def test_little_variety_is_normal_in_infancy():
    young = reports(n=INFANCY // 200, diversity=lambda i: 0.1 + 0.005 * i)
    assert diagnose(young) == []


def test_a_loss_of_variety_is_a_collapse_at_any_step():
    fallen = reports(n=12, diversity=lambda i: 0.9 + 0.01 * (i % 2) if i < 5 else 0.2 + 0.01 * i)
    assert [finding.name for finding in diagnose(fallen)] == ["collapsed"]
    assert diagnose(fallen)[0].step == 200 * (5 + PATIENCE)


def test_a_resumed_run_does_not_report_findings_again():
    faulty = reports(**PROBLEMS["D has won"])
    faulty[5]["findings"] = [{"name": "D has won"}]
    assert Doctor("non-saturating", faulty[:10]).examine(faulty[10]) == []


#: Reports of real runs, recorded by benchmarks/doctor_provoked.py on several machines. Training
#: them here would test the outcome of a chaotic run on this processor, not the doctor.
RECORDED = [
    json.loads(line)
    for file in sorted(Path(__file__).with_name("reports").glob("*.jsonl"))
    for line in file.read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("run", RECORDED, ids=lambda run: f"{run['problem']}: {run['provoked_by']}")
def test_a_recorded_run_is_diagnosed_as_on_its_machine(run):
    columns = run["reports"]
    lines = [
        {"findings": [], "quality": {}} | dict(zip(columns, numbers, strict=True))
        for numbers in zip(*columns.values(), strict=True)
    ]
    named = {finding.name: finding.step for finding in reversed(diagnose(lines))}
    if run["problem"] == "healthy":
        assert not named
    elif run["problem"] != "NaN":  # such a run is stopped by an error instead
        assert named.get(run["problem"]) == run["named_at"]


def test_every_check_and_a_healthy_run_are_recorded():
    recorded = {run["problem"] for run in RECORDED}
    assert recorded == {*PROBLEMS, "NaN", "healthy"}


def test_findings_are_part_of_the_report_in_which_they_appear(tiny, tmp_path, monkeypatch):
    """Findings are events, part of the reports, and the same in a later diagnosis."""

    def third(reports):
        last = reports[-1]
        return Finding("third", last["step"], "", "", "") if len(reports) >= 3 else None

    monkeypatch.setattr(doctor, "CHECKS", (third,))
    notified = []
    forgery.train(
        tiny.replace(steps=10),
        tmp_path / "run",
        callbacks=[lambda event: notified.append(event) if isinstance(event, Finding) else None],
    )
    recorded = open_run(tmp_path / "run").read_metrics()
    assert [(finding.name, finding.step) for finding in notified] == [("third", 6)]
    assert [f["name"] for line in recorded for f in line["findings"]] == ["third"]
    assert diagnose(recorded) == notified


@pytest.mark.slow
def test_a_generator_that_copies_is_found_memorising(tiny, tmp_path, monkeypatch):
    forgery.train(tiny.replace(split="train50k"), tmp_path / "run")
    assert forgery.doctor(tmp_path / "run", samples=300) == []
    copies = to_model(load("mnist", "train50k").values[:300])
    monkeypatch.setattr(model.Model, "sample", lambda self, n: copies)
    (finding,) = forgery.doctor(tmp_path / "run", samples=300)
    assert finding.name == "memorising"
    assert "100% of the samples" in finding.seen
