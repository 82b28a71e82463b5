from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from forgery.data import Batches, Dataset
from forgery.errors import ForgeryError
from forgery.pixels import to_model, to_pixels
from forgery.randomness import permutation


@pytest.fixture
def numbered():
    """All pixels of image i have the value i."""
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


def test_a_batch_depends_on_its_number_and_the_seed_only(numbered):
    forwards = Batches(numbered, 5, partial(permutation, 3))
    backwards = Batches(numbered, 5, partial(permutation, 3))
    expected = [forwards[i] for i in range(20)]
    for i in reversed(range(20)):
        assert torch.equal(backwards[i], expected[i])
    other = Batches(numbered, 5, partial(permutation, 4))
    assert not all(torch.equal(other[i], expected[i]) for i in range(5))


def test_pixels_round_trip_through_the_model_range():
    pixels = torch.arange(256, dtype=torch.uint8)
    assert to_model(pixels).min() == -1
    assert to_model(pixels).max() == 1
    assert torch.equal(to_pixels(to_model(pixels)), pixels)
    assert to_pixels(torch.tensor([-7.0, 7.0])).tolist() == [0, 255]


def test_a_batch_larger_than_the_data_is_refused(numbered):
    with pytest.raises(ForgeryError, match=r"a batch of 26 is larger than the data: .* 25 images"):
        Batches(numbered, 26, partial(permutation, 0))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(3, 1, 2, 2), None, "must be uint8"),
        (torch.zeros(3, 2, 2, dtype=torch.uint8), None, r"\[N, C, H, W\]"),
        (
            np.zeros((3, 1, 2, 2), np.uint8),
            None,
            "expected values as a torch.Tensor, not a ndarray",
        ),
        (torch.tensor([[0.0, float("nan")]]), None, "points contain NaN or infinity"),
        (torch.zeros(0, 1, 2, 2, dtype=torch.uint8), None, "no images"),
        (torch.zeros(3, 4, 2, 2, dtype=torch.uint8), None, r"C = 1\) or RGB .* \[3, 4, 2, 2\]"),
        (torch.zeros(3, 1, 0, 2, dtype=torch.uint8), None, r"images of \[1, 0, 2\] have no values"),
        (torch.zeros(3, 0), None, r"points of \[0\] have no values"),
        (torch.zeros(3, 2), [0, 1, 1], "labels as a torch.Tensor, not a list"),
        (torch.zeros(3, 2), torch.tensor([0, 1]), r"labels \[3\], .* got torch.int64 \[2\]"),
        (torch.zeros(3, 2), torch.zeros(3, 1).long(), r"labels \[3\], .* got .* \[3, 1\]"),
        (torch.zeros(3, 2), torch.zeros(3), r"got torch.float32 \[3\]"),
        (torch.zeros(3, 2), torch.tensor([0, -1, 1]), "from 0 to at most 999,999, got -1"),
    ],
)
def test_invalid_data_is_refused(images, labels, message):
    with pytest.raises(ForgeryError, match=message):
        Dataset("bad", images, labels)


@pytest.mark.parametrize(
    ("name", "classes", "message"),
    [
        (3, ("a", "b"), "name of a data set must be text, not 3"),
        ("bad", (0, 1), "names of classes must be text, got 0"),
        ("bad", ("a", "a"), "2 classes have the name 'a'"),
        ("bad", ("a",), "labels from 0 to at most 0, got 1"),
    ],
)
def test_invalid_names_are_refused(name, classes, message):
    with pytest.raises(ForgeryError, match=message):
        Dataset(name, torch.zeros(2, 2), torch.tensor([0, 1]), classes)


def test_labels_of_any_integer_type_are_int64_and_have_names():
    labels = torch.tensor([2, 0], dtype=torch.int32)
    data = Dataset("plane", torch.zeros(2, 2, requires_grad=True), labels)
    assert data.labels.dtype == torch.int64
    assert data.classes == ("0", "1", "2")
    assert not data.values.requires_grad
    assert Dataset("plane", torch.zeros(2, 2), labels, ["a", "b", "c"]).classes == ("a", "b", "c")


def by_class(*counts):
    """Labelled images sorted by class, as read from a folder; image i has the value i."""
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    values = torch.arange(len(labels)).to(torch.uint8).view(-1, 1, 1, 1)
    return Dataset("folder[train]", values, labels, tuple(map(str, range(len(counts)))))


@pytest.mark.parametrize(
    "counts", [(100,) * 10, (500, 300, 200), (45, 60, 45, 60, 45), (900, 90, 9), (0, 7, 0, 3), (5,)]
)
def test_every_prefix_is_stratified(counts):
    data = by_class(*counts)
    rows = data.stratified(len(data))
    assert rows.dtype == torch.int64
    assert rows.sort().values.equal(torch.arange(len(data)))
    shares = torch.tensor(counts) / len(data)
    for n in range(1, len(data) + 1):
        assert data.stratified(n).equal(rows[:n])
        found = torch.bincount(data.labels[rows[:n]], minlength=len(counts))
        if n >= (present := shares > 0).sum():
            assert found[present].min() >= 1
        # Off by one or two, plus the one sample guaranteed for the rarest classes.
        assert (found - n * shares).abs().max() <= 2.7
    assert len(data.stratified(len(data) + 1)) == len(data)


def test_samples_of_a_class_are_chosen_at_random():
    data = by_class(100, 100)
    assert data.labels[data.stratified(20)].sum() == 10
    assert data.stratified(20).max() > 150
    assert data.stratified(20).sort().values.diff().unique().numel() > 3


def test_without_labels_the_choice_is_random_but_fixed(numbered):
    rows = numbered.stratified(7)
    assert not rows.equal(torch.arange(7))
    assert rows.equal(numbered.stratified(7))
    assert rows.unique().numel() == 7


def test_a_subset_keeps_labels_and_attributes():
    data = by_class(10, 10)
    truths = torch.arange(20).view(-1, 1) > 4
    data = replace(data, attributes=truths, attribute_names=("late",))
    some, rows = data.subset(6), data.stratified(6)
    assert some.name == "folder[train, 6 of 20]"
    assert some.values.flatten().tolist() == rows.tolist()
    assert some.labels.equal(data.labels[rows])
    assert some.attributes.equal(truths[rows])
    assert some.fingerprint != data.fingerprint
    assert replace(data, name="points.csv").subset(6).name == "points.csv[6 of 20]"
    with pytest.raises(ForgeryError, match=r"folder\[train\] has 20 images, fewer than 21"):
        data.subset(21)
