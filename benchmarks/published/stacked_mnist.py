"""Stacked MNIST: how many of the 1,000 triples of digits are drawn, and how evenly."""

from functools import cache
from typing import Any

import torch

import forgery
from forgery import metrics, recipes
from forgery.extractors import Extractor, load_stacked_digit_classifier
from forgery.pixels import to_pixels

from .declaration import Column, Scores, Table
from .rows import Trained

SAMPLES = 26_000
#: Seconds of the processor's time that every row gets, and at which it is scored.
SECONDS = (300, 1_800, 3_600)
#: The processor's milliseconds per step, measured by ``tables.py --time stacked-mnist``.
MS = {("dcgan", 1): 81.0, ("dcgan", 2): 116.0, ("modern", 1): 144.0, ("modern", 2): 170.0}


@cache
def _judge() -> Extractor:
    return load_stacked_digit_classifier()


def of_model(model: forgery.Model) -> Scores:
    judge = _judge()
    told = [
        judge.features_and_logits(to_pixels(part))[1].argmax(1)
        for part in model.sample(SAMPLES, seed=1).split(1000)
    ]
    counts = metrics.class_histogram(torch.cat(told), 1000)
    kl = metrics.kl_divergence(counts, torch.ones_like(counts))
    return {"modes": int((counts > 0).sum()), "kl": kl}


def _row(recipe: str, pack: int, reference: str) -> Trained:
    def config() -> Any:
        return recipes.RECIPES[recipe](data="stacked-mnist", batch_size=64, pack=pack)

    return Trained(
        name=recipe + (f", packing {pack}" if pack > 1 else ""),
        config=config,
        score=of_model,
        lengths=tuple(round(1000 * s / MS[recipe, pack] / 50) * 50 for s in SECONDS),
        seeds=(0, 1, 2),
        reference=reference,
        target="at least 950 modes, KL at most .3",
        met=lambda seeds: all(s["modes"] >= 950 and s["kl"] <= 0.3 for s in seeds),
    )


TABLE = Table(
    "stacked-mnist",
    "Modes of Stacked MNIST (of 1,000), and KL from uniform in nats, at equal processor time",
    (Column("modes", "modes", ".0f"), Column("kl", "KL", ".2f")),
    tuple(f"{s // 60} min" for s in SECONDS),
    (
        _row("dcgan", 1, "78.9 ± 6.5 / 4.50 (DCGAN, PacGAN's rerun, 50 epochs)"),
        _row("dcgan", 2, "1000 / .06 (PacDCGAN2, 50 epochs)"),
        _row("modern", 1, "1000 / .029 (R3GAN, larger networks)"),
        _row("modern", 2, "none: R3GAN does not pack"),
    ),
    "26,000 samples; the bundled classifier reads each channel. Minibatches of 64; widths are the "
    "recipes'. Steps are the stated time divided by the time per step measured beforehand: "
    + ", ".join(
        f"{recipe}{f' packing {pack}' if pack > 1 else ''} {ms:g} ms"
        for (recipe, pack), ms in MS.items()
    )
    + " (AMD EPYC, 1 thread).",
)
