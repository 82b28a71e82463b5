"""The Parzen-window log-likelihood: how fast, and what real data scores.

    python benchmarks/parzen.py            speed against a NumPy loop, then the real-data row
    python benchmarks/parzen.py --points 500   the loop on fewer points, its time scaled up

Speed: ``metrics.log_likelihood`` against the formula written out with NumPy, one test point at a
time, on the same 10,000 samples and 10,000 points of 784 pixels, in one run. The real-data row:
10,000 random training images scored in place of a generator's samples by the paper's protocol.
"""

import argparse
import time

import numpy as np
import torch

from forgery.data.mnist import mnist
from forgery.metrics import log_likelihood, parzen_likelihood
from machine import machine

SIGMA = 0.167


def numpy_loop(samples: np.ndarray, points: np.ndarray, sigma: float) -> np.ndarray:
    """The formula as it stands in the paper's code, in float64."""
    result = np.empty(len(points))
    normaliser = samples.shape[1] * np.log(sigma * np.sqrt(2 * np.pi))
    for i, x in enumerate(points):
        exponents = -0.5 * (((x - samples) / sigma) ** 2).sum(1)
        highest = exponents.max()
        result[i] = highest + np.log(np.exp(exponents - highest).mean()) - normaliser
    return result


def main(points: int) -> None:
    print(machine())
    train, test = (mnist(split).values.flatten(1).double() / 255 for split in ("train50k", "test"))
    chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:10_000]
    samples = train[chosen]

    start = time.perf_counter()
    ours = log_likelihood(samples, test, SIGMA)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    literal = numpy_loop(samples.numpy(), test[:points].numpy(), SIGMA)
    loop = (time.perf_counter() - start) * len(test) / points
    error = np.abs(ours[:points].numpy() / literal - 1).max()
    print(
        f"10,000 points under 10,000 samples: {seconds:.2f} s; NumPy loop {loop:.1f} s"
        f"{'' if points == len(test) else f' (from {points} points)'}: {loop / seconds:.0f} times;"
        f" largest relative difference {error:.1e}"
    )

    start = time.perf_counter()
    valid = mnist("valid10k").values / 255
    score = parzen_likelihood(samples, valid.flatten(1), test)
    print(
        f"10,000 random training images: sigma {score.sigma:.3f}, "
        f"{score.mean:.1f} ± {score.standard_error:.1f} nats on test; "
        f"whole protocol {time.perf_counter() - start:.1f} s"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Speed and real-data figure of the Parzen score.")
    parser.add_argument("--points", type=int, default=10_000, help="test points for the loop")
    main(parser.parse_args().points)
