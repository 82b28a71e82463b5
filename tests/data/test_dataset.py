from functools import partial

import pytest
import torch

from forgery.data import Batches, Dataset
from forgery.errors import ForgeryError
from forgery.pixels import to_model, to_pixels
from forgery.training.randomness import permutation


@pytest.fixture
def numbered():
    """Image i holds the value i everywhere."""
    values = torch.arange(25, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    return Dataset("numbered", values.contiguous())


def numbers(batch):
    return to_pixels(batch)[:, 0, 0, 0].tolist()


def test_an_epoch_visits_every_image_at_most_once(numbered):
    batches = Batches(numbered, 4, partial(permutation, 0))
    assert batches.per_epoch == 6
    seen = [n for i in range(6) for n in numbers(batches[i])]
    assert len(set(seen)) == 24
    again = [n for i in range(6, 12) for n in numbers(batches[i])]
    assert set(again) != set(seen) or again != seen
    assert again != seen


def test_a_batch_is_a_function_of_its_number_and_the_seed(numbered):
    forwards = Batches(numbered, 5, partial(permutation, 3))
    backwards = Batches(numbered, 5, partial(permutation, 3))
    expected = [forwards[i] for i in range(20)]
    for i in reversed(range(20)):
        assert torch.equal(backwards[i], expected[i])
    other = Batches(numbered, 5, partial(permutation, 4))
    assert not all(torch.equal(other[i], expected[i]) for i in range(5))


def test_pixels_survive_the_way_to_the_model_and_back():
    pixels = torch.arange(256, dtype=torch.uint8)
    assert to_model(pixels).min() == -1
    assert to_model(pixels).max() == 1
    assert torch.equal(to_pixels(to_model(pixels)), pixels)
    assert to_pixels(torch.tensor([-7.0, 7.0])).tolist() == [0, 255]


def test_a_batch_larger_than_the_data(numbered):
    with pytest.raises(ForgeryError, match=r"a batch of 26 is larger than the data: .* 25 images"):
        Batches(numbered, 26, partial(permutation, 0))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(3, 1, 2, 2), None, "must be uint8"),
        (torch.zeros(3, 2, 2, dtype=torch.uint8), None, r"\[N, C, H, W\]"),
        (torch.zeros(0, 1, 2, 2, dtype=torch.uint8), None, "no images"),
        (torch.zeros(3, 1, 2, 2, dtype=torch.uint8), torch.zeros(2), "3 images but 2 labels"),
    ],
)
def test_data_that_is_none(images, labels, message):
    with pytest.raises(ForgeryError, match=message):
        Dataset("bad", images, labels)
