"""Train the digit classifier whose features the quality of MNIST generators is measured on.

    python benchmarks/train_digit_classifier.py              the bundled file, from all of train
    python benchmarks/train_digit_classifier.py --select     the same settings judged on valid10k

The first writes src/forgery/extractors/mnist-digits.safetensors and prints its SHA-256, which goes
into digits.py; the test split is looked at there, once. Settings are chosen with the second, which
trains on train50k and never sees the test split. Another machine or number of threads gives other
last bits, hence another hash: the file in the repository came from the run that
results/digit_classifier.txt records.
"""

import argparse
import time
from pathlib import Path

import forgery.extractors
from forgery.data.mnist import mnist
from forgery.extractors import Classifier, accuracy, save_classifier, train_classifier
from forgery.extractors.digits import FILE, NAME
from machine import machine


def train(split: str, epochs: int, shift: int) -> Classifier:
    start = time.perf_counter()

    def report(epoch: int, loss: float) -> None:
        print(f"epoch {epoch}: loss {loss:.4f}, {time.perf_counter() - start:.0f} s", flush=True)

    return train_classifier(mnist(split), epochs=epochs, shift=shift, report=report)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the bundled digit classifier.")
    parser.add_argument("--select", action="store_true", help="judge settings on valid10k")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--shift", type=int, default=2)
    given = parser.parse_args()
    print(machine())
    if given.select:
        network = train("train50k", given.epochs, given.shift)
        print(f"{accuracy(network, mnist('valid10k')):.2%} on mnist[valid10k]")
        return
    network = train("train", given.epochs, given.shift)
    path = Path(forgery.extractors.__file__).with_name(FILE)
    sha256 = save_classifier(network, path, NAME)
    print(f"{path.name}: {path.stat().st_size:,} bytes, SHA-256 {sha256}")
    print(f"{accuracy(network, mnist('test')):.2%} on mnist[test]")


if __name__ == "__main__":
    main()
