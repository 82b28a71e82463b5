"""What the verbs that walk in z share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclopts import Token

    from ..latent import Judge, Space
    from ..model import Model


def _step(_: object, tokens: "Sequence[Token]") -> "int | str":
    text = tokens[0].value
    if text != "best" and not text.isdecimal():
        raise ValueError(f'expected the step of a checkpoint, as 1000, or "best", not {text!r}')
    return text if text == "best" else int(text)


#: A checkpoint of a run, by its step.
Step = Annotated[int | Literal["best"] | None, Parameter(converter=_step)]


def open_space(run: Path, of_class: str | None, step: Step, device: str) -> "tuple[Model, Space]":
    """A run, and its generator's latent space."""
    from ..model import load
    from ..training.device import prepare_cpu

    prepare_cpu(0)
    model = load(run, device, step)
    return model, model.space(of_class)


def judge_for(model: "Model", data: str | None = None) -> "Judge":
    """The judge of a run's data, trained now if it has to be.

    ``data`` is where the data is now, if it was moved.
    """
    from ..latent import judge_of

    def report(epoch: int, loss: float) -> None:
        print(
            f"training a classifier of {model.config.data}: epoch {epoch}, loss {loss:.4f}",
            flush=True,
        )

    return judge_of(model.dataset(data=data), report)


def say_how_good(judge: "Judge", model: "Model") -> None:
    """Print how often the judge is right about data that it has not seen."""
    from ..errors import ForgeryError

    try:
        held_out = model.dataset("test")
    except ForgeryError:  # data of one split
        print(f"judged by {judge.extractor.name}: no test split to say how well")
    else:
        right = ", ".join(f"{name} {share:.1%}" for name, share in judge.accuracy(held_out).items())
        print(f"judged by {judge.extractor.name}; right on the test split: {right}")


def numbers(text: str, flag: str) -> list[int]:
    """``3,17,42`` as numbers of samples."""
    from ..errors import ForgeryError

    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise ForgeryError(
            f"{flag} takes numbers of samples with commas between, not {text!r}"
        ) from None


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Say which file could not be written, and why."""
    from ..errors import ForgeryError

    try:
        yield
    except OSError as error:
        raise ForgeryError(f"cannot write {out}: {error.strerror or error}") from error
    except ValueError as error:  # Pillow, of a suffix that it does not know
        if "extension" not in str(error):
            raise
        raise ForgeryError(f"cannot write {out}: pictures are .png, .jpg or .webp") from error
