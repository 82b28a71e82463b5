"""What D learnt of digits that nobody labelled for it: a linear classifier on its features.

After Radford et al. 2015, section 5.2 (there 1,000 labels of SVHN): the features of all layers of a
run's discriminator, of the same discriminator before training, and the pixels themselves, under
the same linear classifier. The training images are drawn with the same number of each class;
validation chooses the classifier's decay.

    forgery train mnist --generator dcgan --discriminator dcgan --g-width 32 --d-width 32 \
        --batch-size 128 --g-learning-rate 2e-4 --d-learning-rate 2e-4 --beta1 0.5 --out runs/dcgan
    python benchmarks/discriminator_features.py runs/dcgan --labels 1000
"""

import argparse
import json
from pathlib import Path

import torch

import forgery
from forgery import data
from forgery.latent import features_of_all_layers, linear_score
from forgery.parts import networks
from forgery.pixels import to_model
from machine import machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--test", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = forgery.load(arguments.run)
    _, untrained = networks(model.config, torch.zeros(model.shape))
    ways = {
        "D's features": lambda x: features_of_all_layers(model.discriminator, x),
        "D before training": lambda x: features_of_all_layers(untrained.eval(), x),
        "pixels": lambda x: x.flatten(1),
    }
    train, test = model.dataset("train"), data.load(model.config.data, "test")
    for seed in range(arguments.seeds):
        chosen, validation = split(train.labels, arguments.labels, seed)
        for way, look in ways.items():
            parts = [(train, chosen), (train, validation), (test, torch.arange(arguments.test))]
            sets = [(look(to_model(d.values[rows])), d.labels[rows]) for d, rows in parts]
            score = linear_score(*sets)
            line = {"run": str(arguments.run), "step": model.step, "way": way, "seed": seed}
            line |= {"labels": score.labels, "features": score.features, "decay": score.decay}
            line |= {"test": arguments.test, "accuracy": score.accuracy, "machine": machine()}
            print(json.dumps(line), flush=True)
            if arguments.out:
                with open(arguments.out, "a") as file:
                    file.write(json.dumps(line) + "\n")


def split(labels: torch.Tensor, n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """n training rows with as many of each class, and n others in the same way."""
    classes = int(labels.max()) + 1
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(labels), generator=generator)
    each = n // classes
    rows = [order[labels[order] == c][: 2 * each] for c in range(classes)]
    return torch.cat([r[:each] for r in rows]), torch.cat([r[each:] for r in rows])


if __name__ == "__main__":
    main()
