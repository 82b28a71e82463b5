"""A run folder as Python and notebooks show it."""

import base64
import io
import re

import pytest
from PIL import Image

import forgery
from forgery import ForgeryError
from forgery.plots import films
from forgery.training import doctor
from forgery.training.doctor import Finding

SMALL = {"g_width": 8, "d_width": 8, "threads": 1, "device": "cpu", "report_every": 1}
FINDING = Finding("D has won", 2, "D(x) > 0.99", "G learns nothing.", "a penalty")


def picture_in(page: str) -> Image.Image:
    (encoded,) = re.findall(r'src="data:image/png;base64,(.*?)"', page)
    return Image.open(io.BytesIO(base64.b64decode(encoded)))


def test_a_run_is_displayed_by_its_curves_last_report_findings_and_changes(
    tiny, tmp_path, monkeypatch
):
    monkeypatch.setattr(doctor, "CHECKS", [lambda reports: FINDING if len(reports) == 2 else None])
    forgery.train(tiny, tmp_path / "run", beta1=0.5)
    run = forgery.Run(tmp_path / "run")
    assert repr(run) == f"Run({tmp_path}/run: mlp on mnist, last report at step 6)"
    assert [report["step"] for report in run.reports] == [2, 4, 6]
    assert run.findings == [str(FINDING)]
    assert (run.changes["beta1"], run.changes["steps"]) == (0.5, 6)
    assert not {"images", "data", "recipe", "device", "threads"} & set(run.changes)
    page = run._repr_html_()
    assert picture_in(page).width > 600
    assert f"D loss {run.reports[-1]['d_loss']:.3f}" in page
    assert "D(x) &gt; 0.99" in page
    assert "beta1 0.5" in page
    assert [axes.get_title() for axes in run.curves().axes] == ["Loss", "Output of D"]


def test_the_curves_of_an_objective_of_ones_own(tiny, tmp_path):
    mine = forgery.objectives.Objective(
        d=lambda real, fake: (fake - real).square(), g=lambda fake, real: fake.square()
    )
    forgery.train(tiny, tmp_path / "run", objective=mine)
    assert [axes.get_title() for axes in forgery.Run(tmp_path / "run").curves().axes] == [
        "Loss",
        "Output of D",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "changes", "axes"),
    [
        ("ring8", {}, 4),  # losses, outputs of D, JSD and modes
        ("ring8", {"model": "vae"}, 4),
        ("mnist", {"recipe": "conditional", "split": "test"}, 2),
        ("mnist", {"recipe": "vae", "split": "test"}, 2),
    ],
)
def test_every_kind_of_run_is_displayed(tmp_path, what, changes, axes):
    forgery.train(what, tmp_path / "run", steps=2, **SMALL, **changes)
    run = forgery.Run(tmp_path / "run")
    assert len(run.curves().axes) == axes
    assert picture_in(run._repr_html_())


def test_a_run_without_reports_is_displayed_in_words(tiny, tmp_path):
    def stop(event):
        raise forgery.StopTraining

    forgery.train(tiny, tmp_path / "run", callbacks=[stop])
    run = forgery.Run(tmp_path / "run")
    assert "no report yet" in repr(run)
    assert "<img" not in run._repr_html_()
    with pytest.raises(ForgeryError, match="has no report yet"):
        run.curves()


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(ForgeryError, match=r"is not a run folder: it has no config\.json"):
        forgery.Run(tmp_path)


def test_the_evolution_is_saved_under_a_name(tiny, tmp_path, monkeypatch):
    forgery.train(tiny, tmp_path / "run")
    run = forgery.Run(tmp_path / "run")
    run.save_evolution(tmp_path / "x.gif")
    assert (tmp_path / "x.gif").read_bytes() == (tmp_path / "run/evolution.gif").read_bytes()
    with pytest.raises(ForgeryError, match=r"cannot write .*x\.avi: an animation is a \.gif or"):
        run.save_evolution(tmp_path / "x.avi")
    with pytest.raises(ForgeryError, match=r"cannot write .*: No such file"):
        run.save_evolution(tmp_path / "nowhere/x.gif")
    monkeypatch.setattr(films, "_ffmpeg", lambda: None)
    with pytest.raises(ForgeryError, match=r"x\.mp4: mp4 needs ffmpeg.*pip install imageio-ffmpeg"):
        run.save_evolution(tmp_path / "x.mp4")
    assert not list(tmp_path.glob("*.mp4"))
