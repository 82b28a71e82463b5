"""Vector arithmetic on pixels, without a generator, on aligned faces and on loose ones.

    python benchmarks/pixel_arithmetic.py

Men with glasses - men + women, of mean pictures of real test faces, is what `forgery arithmetic`
compares arithmetic in z with. A success shows a woman with glasses and is realistic: inside the
manifold of real faces. The judge, which finds the attributes and the features, is trained on
`faces-loose`, which include faces that are nearly aligned: the same judge and the same manifold
then decide about both. The last rows are of a judge of aligned faces, as `forgery arithmetic` uses
for `faces`. The manifold has k neighbours: 3 as in precision, and 10, which accepts nearly all real
faces. The judges are kept in the cache.
"""

import argparse

import torch

from forgery import latent
from forgery.data import Dataset, load
from forgery.data.faces import load_faces
from forgery.extractors import load_classifier, save_classifier, train_classifier
from forgery.latent import AttributeClassifier
from forgery.pixels import to_model
from forgery.user_cache import cache_folder
from machine import machine

EXPRESSION = "man+glasses - man + woman"


def judge(train: Dataset, epochs: int) -> AttributeClassifier:
    path = cache_folder() / f"pixel-arithmetic-{epochs}-{train.fingerprint[:32]}.safetensors"
    if not path.is_file():
        network = train_classifier(train, epochs=epochs, shift=1, attributes=True)
        save_classifier(network, path, f"{train.name} attributes")
    return AttributeClassifier(load_classifier(path), exclusive=False)


def exemplars(test: Dataset, expression: latent.Expression, n: int) -> list[torch.Tensor]:
    """Test faces of each concept, in sets of n: ``[draws, n, C, H, W]``."""
    assert test.attributes is not None
    shown = [
        concept.shown(test.attributes.float(), test.attribute_names).nonzero().flatten()
        for _, concept in expression.terms
    ]
    draws = min(len(rows) for rows in shown) // n
    return [to_model(test.values[rows[: draws * n]]).unflatten(0, (draws, n)) for rows in shown]


def measure(
    train: Dataset, sources: list[str], epochs: int, averaged: list[int], ks: list[int]
) -> None:
    classifier = judge(train, epochs)
    expression = latent.parse(EXPRESSION, classifier.names, exclusive=False)
    assert expression.target
    signs = [sign for sign, _ in expression.terms]
    for source in sources:
        test = load(source, "test")
        accuracy = min(classifier.accuracy(test).values())
        print(
            f"\njudge of {train.name}, pictures of {source}: each attribute ≥ {accuracy:.1%} right"
        )
        pictures = {
            f"means of {n} in pixels": latent.pixel_sums(signs, exemplars(test, expression, n))
            for n in averaged
        }
        pictures["real, held out"] = test.values
        seen = {what: classifier.features_and_probabilities(x) for what, x in pictures.items()}
        for k in ks:
            heading = ("as wanted", f"realistic, k={k}", "both", "number")
            print(f"{'pictures':24}" + "".join(f"{text:>17}" for text in heading))
            rows = latent.successes(classifier, expression.target, train.values, seen, k)
            for row in rows:
                shares = (row.shown, row.realistic, row.both)
                cells = [f"{share.share:.1%} ± {share.standard_error:.1%}" for share in shares]
                cells.append(f"{row.both.of:,}")
                print(f"{row.what:24}" + "".join(f"{cell:>17}" for cell in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description="Arithmetic on pixels, aligned and loose.")
    parser.add_argument("--faces", type=int, default=4096, help="number of training faces")
    parser.add_argument("--epochs", type=int, default=8, help="of the judge's training")
    parser.add_argument("--exemplars", type=int, nargs="+", default=[1, 3, 10])
    parser.add_argument("--k", type=int, nargs="+", default=[3, 10])
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(machine())
    loose = load_faces(f"{given.faces} faces-loose", given.faces, 32, 0, loose=True)
    measure(loose, ["faces", "faces-loose"], given.epochs, given.exemplars, given.k)
    aligned = load_faces(f"{given.faces} faces", given.faces, 32, 0)
    measure(aligned, ["faces"], given.epochs, given.exemplars, given.k)


if __name__ == "__main__":
    main()
