"""Rules of compatibility: a case that breaks each rule, and the report of all problems at once."""

import pytest
import torch
from torch import nn

from forgery import ForgeryError, recipes
from forgery.build import training_of
from forgery.config import Config, compatibility
from forgery.config.compatibility import Networks
from forgery.data import Dataset
from forgery.objectives import OBJECTIVES

IMAGES = Dataset("images", torch.zeros(20, 1, 8, 8, dtype=torch.uint8))
POINTS = Dataset("points", torch.zeros(20, 2))
LABELLED = Dataset(
    "labelled", torch.zeros(20, 1, 8, 8, dtype=torch.uint8), torch.arange(20) % 4, tuple("abcd")
)
PLAIN, NORMED = nn.Linear(2, 1), nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def settings(**changes):
    return Config(batch_size=5, **changes)


#: Rule → (its arguments, its message).
OF_DATA = {
    "only_images_are_changed": (settings(flip=True), POINTS, "flip is for images, but points"),
    "data_fill_a_step": (settings(d_steps=5), IMAGES, "5 updates of D per step need 5 minibatches"),
}
OF_CLASSES = {
    "classes_are_labelled": (settings(conditional="concat"), IMAGES, "images has no labels"),
    "labelled_samples_exist": (
        settings(conditional="semi-supervised", labels=3),
        LABELLED,
        "less than the 4 classes",
    ),
}
OF_NETWORKS = {
    "unbounded_losses_are_held": (
        settings(objective="wasserstein"),
        Networks(PLAIN, PLAIN, OBJECTIVES["wasserstein"]),
        "no lower bound",
    ),
    "penalties_need_separate_samples": (
        settings(penalty="r1"),
        Networks(PLAIN, NORMED, OBJECTIVES["hinge"], couples_batch=True),
        "couples the samples of a minibatch",
    ),
    "features_can_be_seen": (
        settings(objective="feature-matching"),
        Networks(PLAIN, PLAIN, OBJECTIVES["feature-matching"], provides_features=False),
        "discriminator mlp provides none",
    ),
    "batch_norm_has_a_variance": (
        settings(accumulate=5),
        Networks(NORMED, PLAIN, OBJECTIVES["hinge"]),
        "generator mlp has batch norm, which needs at least 2",
    ),
    "frozen_features_do_not_encode": (
        settings(discriminator="projected", model="vae"),
        Networks(PLAIN, PLAIN, OBJECTIVES["hinge"]),
        "cannot encode images for a vae",
    ),
    "frozen_layers_exist": (
        settings(start_from="runs/faces", freeze_d=2),
        Networks(PLAIN, nn.Sequential(PLAIN, nn.Linear(1, 1)), OBJECTIVES["hinge"]),
        "freeze-d 2 is more than the 1 layer that discriminator mlp has before its output",
    ),
}
OF_PROCESSES = {"processes_share_evenly": (settings(), 2, "split evenly among 2 processes")}
OF_ENSEMBLES = {
    "ensembles_are_gans": (settings(model="vae"), "hinge", "train each vae separately"),
    "ensembles_start_afresh": (settings(start_from="runs/faces"), "hinge", "of one seed"),
    "ensembles_draw_no_penalty": (settings(penalty="dragan"), "hinge", "dragan draws random"),
    "ensembles_have_no_spectral_norm": (settings(spectral_norm=True), "hinge", "--no-spectral"),
    "ensembles_see_samples": (settings(discriminator="projected"), "hinge", "spectrally norm"),
    "ensembles_have_no_classes": (settings(conditional="concat"), "hinge", "cannot be conditional"),
    "ensembles_show_no_features": (settings(), "feature-matching", "compares features"),
    "ensembles_change_no_images": (
        settings(flip=True, augment="translation"),
        "hinge",
        "augment translation and flip draw random numbers",
    ),
    "ensembles_are_not_logged": (settings(log="csv"), "hinge", "no reports to log"),
}


def names(rules):
    return {rule.__name__ for rule in rules}


def test_every_rule_has_a_case():
    # Rules for the settings alone are tested in tests/test_config.py.
    assert names(compatibility.DATA) == set(OF_DATA)
    assert names(compatibility.CLASSES) == set(OF_CLASSES)
    assert names(compatibility.NETWORKS) == set(OF_NETWORKS)
    assert names(compatibility.PROCESSES) == set(OF_PROCESSES)
    assert names(compatibility.ENSEMBLE) == set(OF_ENSEMBLES)


@pytest.mark.parametrize(
    ("check", "case"),
    [
        *((compatibility.of_data, case) for case in OF_DATA.values()),
        *((compatibility.of_classes, case) for case in OF_CLASSES.values()),
        *((compatibility.of_networks, case) for case in OF_NETWORKS.values()),
        *((compatibility.of_processes, case) for case in OF_PROCESSES.values()),
        *((compatibility.of_ensemble, (c, OBJECTIVES[o], says))
          for c, o, says in OF_ENSEMBLES.values()),
    ],
)  # fmt: skip
def test_a_broken_rule_is_the_only_problem(check, case):
    config, beside, says = case
    (problem,) = check(config, beside)
    assert says in problem


def test_compatible_settings_have_no_problems():
    config = settings(conditional="semi-supervised", labels=8)
    assert compatibility.of_data(config, LABELLED) == []
    assert compatibility.of_classes(config, LABELLED) == []
    networks = Networks(NORMED, NORMED, OBJECTIVES["hinge"], couples_batch=True)
    assert compatibility.of_networks(config, networks) == []
    assert compatibility.of_processes(config, 5) == []
    assert compatibility.of_ensemble(settings(penalty="r1"), OBJECTIVES["relativistic"]) == []


def test_problems_of_data_networks_and_classes_are_reported_at_once():
    where = torch.device("cpu")
    config = recipes.mlp(objective="wasserstein", flip=True, g_width=4, d_width=4)
    with pytest.raises(ForgeryError) as refused:
        training_of(config, POINTS, where)
    assert [line.split()[0] for line in str(refused.value).splitlines()] == ["flip", "a", "D's"]
    with pytest.raises(ForgeryError) as refused:
        training_of(config.replace(conditional="concat"), POINTS, where)
    assert "points has no labels" in str(refused.value).splitlines()[-1]
    assert len(str(refused.value).splitlines()) == 3
