import pytest
import torch

from forgery import ForgeryError
from forgery.data import Dataset, Labelled, choose_labelled


def numbered(labels):
    """Images whose pixel is their number."""
    n = len(labels)
    values = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1)
    names = tuple(str(i) for i in range(max(labels) + 1))
    return Dataset("numbered", values, torch.tensor(labels), names)


def test_as_many_of_each_class_as_of_any_other_in_the_order_given():
    data = numbered([0, 1, 2] * 5)
    order = torch.arange(14, -1, -1)
    assert choose_labelled(data, 6, order).tolist() == [12, 9, 13, 10, 14, 11]
    assert choose_labelled(data, 5, order).tolist() == [12, 9, 13, 10, 14]
    assert sorted(choose_labelled(data, 15, order).tolist()) == list(range(15))


def test_a_class_of_which_there_is_none_does_not_count():
    data = numbered([0, 2] * 5)
    chosen = choose_labelled(data, 4, torch.arange(10))
    assert data.labels[chosen].tolist() == [0, 0, 2, 2]


@pytest.mark.parametrize(
    ("labels", "n", "message"),
    [
        ([0, 1], 3, "labels 3 are more than the 2 images of numbered"),
        ([0, 1, 2], 2, "labels 2 are fewer than the 3 classes"),
        ([0, 0, 0, 1], 4, "would be 2 of class '1', and numbered has 1"),
    ],
)
def test_what_cannot_be_labelled(labels, n, message):
    with pytest.raises(ForgeryError, match=message):
        choose_labelled(numbered(labels), n, torch.arange(len(labels)))


def test_labelled_minibatches_hold_the_chosen_with_their_classes():
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
        assert torch.equal(labelled()[0], x)  # by the random numbers of the step
        assert not torch.equal(again, x)
