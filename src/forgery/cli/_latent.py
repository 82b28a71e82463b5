"""Helpers shared by the verbs that explore the latent space."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclopts import Token

    from ..latent import AttributeClassifier, Space
    from ..model import Model


def _step(_: object, tokens: "Sequence[Token]") -> "int | str":
    text = tokens[0].value
    if text != "best" and not text.isdecimal():
        raise ValueError(f'expected a step such as 1000, or "best", not {text!r}')
    return text if text == "best" else int(text)


#: The step of a checkpoint, or "best".
Step = Annotated[int | Literal["best"] | None, Parameter(converter=_step)]


def open_space(run: Path, of_class: str | None, step: Step, device: str) -> "tuple[Model, Space]":
    """Load a run and the latent space of its generator."""
    from ..model import load
    from ..training.device import prepare_cpu

    prepare_cpu(0)
    model = load(run, device, step)
    return model, model.space(of_class)


def classifier_for(model: "Model", data: str | None = None) -> "AttributeClassifier":
    """Load the classifier of a run's data, or train it if it is missing.

    ``data`` is the new path of the data, if it was moved.
    """
    from ..latent import attribute_classifier

    def report(epoch: int, loss: float) -> None:
        print(
            f"training a classifier of {model.config.data}: epoch {epoch}, loss {loss:.4f}",
            flush=True,
        )

    return attribute_classifier(model.dataset(data=data), report)


def print_accuracy(
    classifier: "AttributeClassifier", model: "Model", data: str | None = None
) -> None:
    """Print the classifier's accuracy on the test split; ``data`` as in :func:`classifier_for`."""
    from ..errors import ForgeryError

    try:
        held_out = model.dataset("test", data)
    except ForgeryError:  # the data has a single split
        print(f"classifier {classifier.extractor.name}: accuracy unknown, no test split")
    else:
        right = ", ".join(
            f"{name} {share:.1%}" for name, share in classifier.accuracy(held_out).items()
        )
        print(f"classifier {classifier.extractor.name}: test accuracy {right}")


def numbers(text: str, flag: str) -> list[int]:
    """Parse sample numbers such as ``3,17,42``."""
    from ..errors import ForgeryError

    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ForgeryError(
            f"{flag} takes sample numbers separated by commas, not {text!r}"
        ) from None


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Raise a :class:`ForgeryError` with the path and the reason if writing ``out`` fails."""
    from .. import writing as files
    from ..errors import ForgeryError

    try:
        with files.writing(out):
            yield
    except ValueError as error:  # from Pillow, for an unknown suffix
        if "extension" not in str(error):
            raise
        raise ForgeryError(f"cannot write {out}: use .png, .jpg or .webp") from error
