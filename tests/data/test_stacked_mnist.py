import pytest
import torch

from forgery import data
from forgery.data.mnist import mnist
from forgery.extractors import load_stacked_digit_classifier


def test_triples_are_deterministic_and_cover_all_digits():
    stacked, again = data.load("stacked-mnist", "test"), data.load("stacked-mnist", "test")
    assert stacked.shape == (3, 28, 28)
    assert len(stacked) == 26_000
    assert torch.equal(stacked.values, again.values)
    assert len(stacked.labels.unique()) == 1000
    assert stacked.classes[345] == "345"


def test_the_label_names_the_digit_of_each_channel():
    stacked, digits = data.load("stacked-mnist", "test"), mnist("test")
    for triple, label in zip(stacked.values[:5], stacked.labels[:5], strict=True):
        for channel, name in enumerate(stacked.classes[label]):
            (where,) = (digits.values[:, 0] == triple[channel]).flatten(1).all(1).nonzero().T
            assert digits.labels[where[0]] == int(name)


@pytest.mark.slow
def test_the_stacked_classifier_predicts_all_three_digits():
    stacked = data.load("stacked-mnist", "test")
    features, logits = load_stacked_digit_classifier().features_and_logits(stacked.values[:2000])
    assert features.shape == (2000, 192)
    assert logits.shape == (2000, 1000)
    right = (logits.argmax(1) == stacked.labels[:2000]).float().mean()
    assert right > 0.98  # .9959³
