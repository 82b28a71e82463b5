"""The computation of a step: accumulation, precision and compilation."""

import pytest
import torch
from torch import nn

from forgery import ForgeryError, data, recipes
from forgery.build import batches_of, training_of
from forgery.models.conditional import SemiSupervisedDiscriminator
from forgery.training.end import End
from forgery.training.loop import iterate

CPU = torch.device("cpu")


def weights_after(steps=1, **changes):
    """D's and G's weights after some steps of small networks."""
    config = recipes.mlp(
        g_width=16, d_width=16, latent=16, batch_size=40, split="test", threads=1, device="cpu",
        optimizer="momentum", ema=0.0,
    ).replace(**changes)  # fmt: skip
    dataset = data.load(config.data, config.split)
    training, batches = training_of(config, dataset, CPU), batches_of(config, dataset, CPU)
    for _ in range(steps):
        iterate(training, batches, End(100))
    return torch.cat(
        [p.detach().flatten() for player in training.game.players.values()
         for p in player.parameters]
    )  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"d_steps": 2},
        {"objective": "relativistic", "penalty": "r1+r2"},
        {"conditional": "projection"},
        # Not semi-supervised: drawing labelled samples between the parts changes their z.
        {"conditional": "auxiliary"},
    ],
)
def test_accumulated_gradients_equal_those_of_the_minibatch(changes):
    whole, parts = weights_after(**changes), weights_after(accumulate=2, **changes)
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)
    assert not torch.equal(whole, weights_after(steps=2, **changes))


def test_a_labelled_minibatch_is_split_too(monkeypatch):
    """A labelled minibatch of 40 per update of D, half of it with each part."""
    seen = []
    look = SemiSupervisedDiscriminator.look
    monkeypatch.setattr(
        SemiSupervisedDiscriminator,
        "look",
        lambda self, x, y=None: seen.append(len(x)) or look(self, x, y),
    )
    weights_after(conditional="semi-supervised", labels=30, accumulate=2)
    # Twice: half of real and fake together, and of the labelled; then the two halves of G's update.
    assert seen == [40, 20, 40, 20, 20, 20]


@pytest.mark.parametrize(
    "changes",
    [
        {"objective": "feature-matching"},
        *(
            {"conditional": name}
            for name in ("projection", "auxiliary", "semi-supervised", "infogan")
        ),
    ],
)
def test_compilation_includes_the_features_of_a_network(monkeypatch, changes):
    """A fake compiler that counts, since the real one takes a minute and needs a C++ compiler."""
    passes = []

    def compiler(function, **options):
        return lambda *given: passes.append(function.__self__) or function(*given)

    monkeypatch.setattr(torch, "compile", compiler)
    monkeypatch.setattr(nn.Module, "compile", lambda self: None)  # see the counter above
    weights_after(compile=True, **changes)
    assert passes


def test_bfloat16_is_close_but_not_equal():
    exact, near = weights_after(), weights_after(precision="bfloat16")
    assert near.dtype == torch.float32
    assert not torch.equal(near, exact)
    torch.testing.assert_close(near, exact, rtol=0.1, atol=0.02)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"accumulate": 3}, "40 cannot be split into 3 equal parts: give a --batch-size"),
        ({"accumulate": 2, "updates": "simultaneous"}, "--updates alternating and --pack 1"),
        ({"accumulate": 2, "pack": 2}, "--updates alternating and --pack 1"),
        ({"compile": True, "penalty": "r1"}, "second derivatives.*--no-compile"),
        ({"precision": "float16"}, "unknown precision 'float16'"),
    ],
)
def test_unsupported_computations_are_refused(changes, says):
    with pytest.raises(ForgeryError, match=says):
        weights_after(**changes)
