import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from forgery.errors import ForgeryError
from forgery.metrics import class_balance, class_histogram, kl_divergence


def test_equal_shares_have_no_divergence():
    data = torch.arange(10).repeat(30)
    balance = class_balance(torch.arange(10).repeat(7), data, 10)
    assert balance.generated == (7,) * 10
    assert balance.data == (30,) * 10
    assert balance.kl == 0
    assert balance.missing == ()


def test_one_class_of_ten_has_divergence_log_ten():
    balance = class_balance(torch.full((50,), 3), torch.arange(10).repeat(30), 10)
    assert balance.kl == pytest.approx(math.log(10))
    assert balance.missing == (0, 1, 2, 4, 5, 6, 7, 8, 9)


def test_divergence_is_from_generated_to_data():
    generated, data = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 1])
    expected = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert class_balance(generated, data, 2).kl == pytest.approx(expected)


def test_a_class_absent_from_the_data_has_infinite_divergence():
    assert class_balance(torch.tensor([0, 1]), torch.tensor([0, 0]), 3).kl == math.inf


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(1, 1000)), min_size=2, max_size=20))
def test_never_negative(counts):
    p, q = torch.tensor(counts).T
    if p.sum() > 0:
        assert 0 <= kl_divergence(p, q) < math.inf


def test_invalid_labels_are_refused():
    with pytest.raises(ForgeryError, match="integer labels"):
        class_histogram(torch.tensor([0.5]), 2)
    with pytest.raises(ForgeryError, match="integer labels"):
        class_histogram(torch.zeros(3, 10, dtype=torch.int64), 10)
    with pytest.raises(ForgeryError, match="integer labels"):
        class_histogram(torch.zeros(0, dtype=torch.int64), 10)
    with pytest.raises(ForgeryError, match="labels from 0 to 9, got -1 to 10"):
        class_histogram(torch.tensor([-1, 10]), 10)
