"""The paper's Table 1 for MNIST: ``goodfellow2014`` trained and scored by the Parzen protocol.

    python benchmarks/paper_table.py [--epochs 1000] [--every 25] [--run runs/paper] [--seed 0]
    python benchmarks/paper_table.py --references

σ is chosen on the first 1,000 images of valid10k and the score is the mean over the whole test
split, from 10,000 samples, every so many epochs. One JSON line a score. What the same protocol
gives to real training images comes first: the figure that none may be read without. With
--references nothing is trained; what the protocol gives to things that are no models is printed
instead: fewer real images, k-means centroids of them, their mean.
"""

import argparse
import json
from pathlib import Path

import torch

import forgery
from forgery import metrics, recipes
from forgery.data.mnist import mnist
from forgery.training import checkpoint
from forgery.training import device as devices


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
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--every", type=int, default=25)
    parser.add_argument("--run", type=Path, default=Path("runs/paper"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--references", action="store_true")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    where = devices.choose(options.device)
    threads = devices.prepare_cpu(options.threads)
    valid, test = (mnist(split).values.to(where) / 255 for split in ("valid10k", "test"))

    def score(name: str, samples: torch.Tensor, **facts: float) -> None:
        result = metrics.parzen_likelihood(samples.clamp(0, 1).to(where), valid, test)
        line = {"name": name, **facts, "nats": result.mean, "se": result.standard_error}
        print(json.dumps(line | {"sigma": result.sigma}), flush=True)

    train = mnist("train50k").values
    chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))
    score("real training images", train[chosen[: options.samples]] / 255)

    if options.references:
        pixels = train.to(where).flatten(1).float() / 255
        score("1,000 real training images", pixels[chosen[:1000]])
        centroids = k_means(pixels, pixels[chosen[:10_000]].clone(), iterations=3)
        score("10,000 k-means centroids, 3 Lloyd iterations", centroids)
        score("the mean image", pixels.mean(0, keepdim=True))
        return
    config = recipes.goodfellow2014(
        epochs=options.every,
        seed=options.seed,
        device=str(where),
        threads=threads,
        checkpoint_every=10**9,
        sample_every=500 * options.every,
    )
    for epochs in range(options.every, options.epochs + 1, options.every):
        if options.run.exists():
            model = forgery.resume(options.run, epochs=epochs)
        else:
            model = forgery.train(config, options.run)
        if model.interrupted_by:
            break
        seconds = checkpoint.read_last(options.run / "checkpoints")[0].counters["seconds"]
        samples = (model.sample(options.samples, seed=1) + 1) / 2
        score("goodfellow2014", samples, epochs=epochs, seconds=seconds)


if __name__ == "__main__":
    main()
