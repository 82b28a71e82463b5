import pytest
import torch

from forgery import ForgeryError
from forgery.data import Dataset, Labelled


def numbered(labels):
    """Labelled images whose pixel is their row."""
    n = len(labels)
    values = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1)
    names = tuple(str(i) for i in range(max(labels) + 1))
    return Dataset("numbered", values, torch.tensor(labels), names)


def test_labels_are_balanced_and_follow_the_order():
    data = numbered([0, 1, 2] * 5)
    order = torch.arange(14, -1, -1)
    assert data.balanced(6, order).tolist() == [12, 9, 13, 10, 14, 11]
    assert data.balanced(5, order).tolist() == [12, 9, 13, 10, 14]
    assert sorted(data.balanced(15, order).tolist()) == list(range(15))


def test_empty_classes_are_ignored():
    data = numbered([0, 2] * 5)
    chosen = data.balanced(4, torch.arange(10))
    assert data.labels[chosen].tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize(
    ("labels", "n", "message"),
    [
        ([0, 1], 3, "labels 3 is more than the 2 images of numbered"),
        ([0, 1, 2], 2, "labels 2 is less than the 3 classes"),
        ([0, 0, 0, 1], 4, "needs 2 of class '1', but numbered has 1"),
    ],
)
def test_impossible_numbers_of_labels_are_refused(labels, n, message):
    with pytest.raises(ForgeryError, match=message):
        numbered(labels).balanced(n, torch.arange(len(labels)))


def test_labelled_minibatches_contain_the_chosen_samples():
    data = numbered([i % 3 for i in range(12)])
    for m, times in ((4, 1), (8, 2), (3, 1)):
        labelled = Labelled(data, torch.tensor([1, 5, 6, 9]), m, torch.device("cpu"))
        torch.manual_seed(0)
        x, y = labelled()
        numbers = ((x.flatten() + 1) * 127.5).round().long()
        assert len(numbers) == m
        assert set(numbers.tolist()) <= {1, 5, 6, 9}
        assert numbers.bincount().max() == times
        assert torch.equal(y, numbers % 3)
        again, _ = labelled()
        torch.manual_seed(0)
        assert torch.equal(labelled()[0], x)  # depends on the random state only
        assert not torch.equal(again, x)
