import pytest
import torch

from forgery.errors import ForgeryError
from forgery.latent import along, effect, find_direction


@pytest.mark.parametrize("method", ["mean", "probe"])
def test_the_direction_is_the_axis_of_the_attribute(space, classifier, method):
    found = find_direction(space, classifier, "woman", method, samples=3000)
    assert found.vector.norm().item() == pytest.approx(1)
    assert found.vector[1].item() > 0.99
    assert found.probe_accuracy > 0.97
    assert found.having == pytest.approx(1500, abs=120)


def test_moving_along_the_direction_changes_only_its_attribute(space, classifier):
    found = find_direction(space, classifier, "woman", samples=3000)
    z = space.z(400, 9)
    shares = effect(space, classifier, found, [-2.0, 2.0], z)
    assert shares.shape == (2, 2)
    assert shares[0, 1] < 0.02
    assert shares[1, 1] > 0.98
    assert abs(shares[1, 0] - shares[0, 0]) < 0.08


def test_strength_is_the_component_along_the_direction(space, classifier):
    found = find_direction(space, classifier, "glasses", samples=1000)
    z = space.z(7, 0)
    moved = along(z, found, [-1.5, 0.0, 3.0])
    assert moved.shape == (7, 3, 4)
    assert torch.allclose(
        moved @ found.vector, torch.tensor([-1.5, 0, 3.0]).expand(7, 3), atol=1e-5
    )
    sideways = z - (z @ found.vector)[:, None] * found.vector
    assert torch.allclose(moved[:, 1], sideways, atol=1e-6)


def test_refusals(space, classifier):
    with pytest.raises(ForgeryError, match="unknown attribute 'womn': did you mean 'woman'"):
        find_direction(space, classifier, "womn")
    with pytest.raises(ForgeryError, match="unknown method 'prob': did you mean 'probe'"):
        find_direction(space, classifier, "woman", "prob")
    with torch.no_grad():
        space.generator.steepness.zero_()  # every picture alike, and no one a woman
    with pytest.raises(ForgeryError, match="0 of 500 samples have 'woman'"):
        find_direction(space, classifier, "woman", samples=500)
