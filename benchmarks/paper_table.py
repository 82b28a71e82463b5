"""Scores of samples that no model drew, by the Parzen protocol of the paper's Table 1.

    python benchmarks/paper_table.py [--threads 1]

Fewer real images, k-means centroids of them, their mean; one JSON line a score. The model and the
real images are in the generated table (``tables.py --only table1``).
"""

import argparse
import json

import torch

from forgery.data.mnist import mnist
from forgery.training import device as devices
from published.table1 import parzen


def k_means(points: torch.Tensor, centroids: torch.Tensor, iterations: int) -> torch.Tensor:
    """Lloyd's algorithm on ``[N, d]`` from starting centroids ``[K, d]``; an empty one stays."""
    for _ in range(iterations):
        norms = centroids.square().sum(1)
        which = torch.cat(
            [(norms - 2 * part @ centroids.T).argmin(1) for part in points.split(2000)]
        )
        sums = torch.zeros_like(centroids).index_add_(0, which, points)
        counts = torch.bincount(which, minlength=len(centroids))[:, None]
        centroids = torch.where(counts > 0, sums / counts.clamp(min=1), centroids)
    return centroids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=0)
    devices.prepare_cpu(parser.parse_args().threads)
    pixels = mnist("train50k").values.flatten(1).float() / 255
    chosen = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(0))
    centroids = k_means(pixels, pixels[chosen[:10_000]].clone(), iterations=3)
    for name, samples in (
        ("1,000 real training images", pixels[chosen[:1000]]),
        ("10,000 k-means centroids, 3 Lloyd iterations", centroids),
        ("the mean image", pixels.mean(0, keepdim=True)),
    ):
        print(json.dumps({"name": name, **parzen(samples)}), flush=True)


if __name__ == "__main__":
    main()
