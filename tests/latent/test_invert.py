import sys

import numpy as np
import pytest
import torch
from PIL import Image

from forgery.data import ImageSettings
from forgery.errors import ForgeryError
from forgery.latent import invert, read_picture


def test_a_sample_is_inverted(space):
    z = space.z(3, seed=5) * 0.3
    wanted = space.pictures(z)
    found = invert(space, wanted, starts=3, steps=150, prior=0)
    assert found.z.shape == z.shape
    assert found.errors.shape == (3, 3)
    assert (found.errors.diff(dim=1) >= 0).all()
    assert found.errors[:, 0].max() < 0.5  # levels of 255
    assert torch.allclose(found.pictures, wanted, atol=0.01)
    assert torch.allclose(found.z[:, :2], z[:, :2], atol=0.02)
    assert (found.errors[:, 0] <= found.nearest).all()


def test_the_prior_shrinks_unused_dimensions_to_zero(space):
    wanted = space.pictures(space.z(2, seed=1))
    free, held = (invert(space, wanted, starts=1, steps=100, prior=p).z for p in (0.0, 0.1))
    assert held[:, 2:].abs().mean() < 0.5 * free[:, 2:].abs().mean()


def test_inversion_reports_progress_and_is_deterministic(space):
    wanted, seen = space.pictures(space.z(1, seed=2)), []
    first = invert(space, wanted, 2, 5, report=lambda *given: seen.append(given))
    assert seen[-1] == (5, 5)
    assert torch.equal(first.z, invert(space, wanted, 2, 5).z)


def test_many_pictures_are_inverted_in_parts(space, monkeypatch):
    wanted, seen = space.pictures(space.z(5, seed=2)), []
    expected = [invert(space, part, 2, 5) for part in wanted.split(2)]
    monkeypatch.setattr(sys.modules[invert.__module__], "TOGETHER", 2)
    parts = invert(space, wanted, 2, 5, report=lambda *given: seen.append(given))
    assert seen == [(done, 15) for done in range(1, 16)]
    for name in ("z", "pictures", "errors", "nearest"):
        assert torch.equal(
            getattr(parts, name), torch.cat([getattr(part, name) for part in expected])
        )


def test_more_starts_than_candidates_are_refused(space):
    with pytest.raises(ForgeryError, match=r"1001 starts .* give at most 1000 --starts"):
        invert(space, space.pictures(space.z(1, seed=2)), starts=1001, steps=1)


def test_another_size_is_refused(space):
    with pytest.raises(ForgeryError, match=r"is 28 × 28 in colour, but .* are 8 × 8 in grey"):
        invert(space, torch.zeros(1, 3, 28, 28))


def test_pictures_are_converted_to_the_generators_channels(tmp_path):
    path = tmp_path / "red.png"
    Image.fromarray(np.full((4, 6, 3), (255, 0, 0), np.uint8)).save(path)
    colour = read_picture(path, (3, 4, 6))
    assert colour.shape == (3, 4, 6)
    assert colour[:, 0, 0].tolist() == [1, -1, -1]
    assert read_picture(path, (1, 4, 6)).shape == (1, 4, 6)
    assert read_picture(path, (1, 28, 28)).shape == (1, 28, 28)
    assert read_picture(path, (1, 5, 7)).shape == (1, 5, 7)
    with pytest.raises(ForgeryError, match=r"red.png is 4 × 6 \(height × width\), .* are 5 × 7 "):
        read_picture(path, (1, 5, 7), ImageSettings(fit="none"))
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(ForgeryError, match="not a picture"):
        read_picture(tmp_path / "text.png", (1, 4, 6))
    with pytest.raises(ForgeryError, match="cannot read"):
        read_picture(tmp_path / "none.png", (1, 4, 6))


def test_a_picture_of_another_size_is_made_like_those_of_the_run(tmp_path):
    path = tmp_path / "wide.png"
    pixels = np.zeros((4, 8, 3), np.uint8)
    pixels[:, 2:6] = 255
    Image.fromarray(pixels).save(path)
    assert read_picture(path, (3, 2, 2)).min() > 0.8  # the middle
    padded = read_picture(path, (3, 4, 4), ImageSettings(fit="pad", background="red"))
    assert padded[:, 0, 0].tolist() == [1, -1, -1]
