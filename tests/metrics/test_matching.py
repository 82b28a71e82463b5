import itertools

import pytest
import torch

from forgery import ForgeryError
from forgery.metrics import best_match, matched_accuracy


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_the_best_match_is_optimal(size):
    generator = torch.Generator().manual_seed(size)
    for _ in range(40):
        gains = torch.randint(-5, 9, (size, size), generator=generator)
        match = best_match(gains)
        assert sorted(match.tolist()) == list(range(size))
        best = max(
            sum(gains[i, j].item() for i, j in enumerate(p))
            for p in itertools.permutations(range(size))
        )
        assert gains[torch.arange(size), match].sum() == best


def test_permuted_classes_have_accuracy_one():
    labels = torch.arange(1000) % 10
    renamed = torch.randperm(10, generator=torch.Generator().manual_seed(0))[labels]
    assert matched_accuracy(renamed, labels) == 1
    renamed[:100] = (renamed[:100] + 1) % 10
    assert matched_accuracy(renamed, labels) == pytest.approx(0.9)


def test_a_class_matches_one_code_only():
    labels = torch.tensor([0, 0, 0, 0, 1, 1])
    codes = torch.tensor([0, 0, 2, 2, 1, 1])
    assert matched_accuracy(codes, labels) == pytest.approx(4 / 6)  # code 2 matches no class
    assert matched_accuracy(torch.zeros(6, dtype=torch.int64), labels) == pytest.approx(4 / 6)


def test_invalid_codes_are_refused():
    with pytest.raises(ForgeryError, match=r"got \[2\] and \[3\]"):
        matched_accuracy(torch.zeros(2, dtype=torch.int64), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ForgeryError, match=r"got \[0\]"):
        matched_accuracy(*torch.zeros(2, 0, dtype=torch.int64))
