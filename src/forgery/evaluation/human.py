"""People guess which images are real: guesses to error rates, and their record ``human.json``.

The protocol is that of HYPE (Zhou et al. 2019, arXiv:1904.01121), for one's own screen.

HYPE∞ (section 2.2) shows each person 100 images, half of them real, without a time limit, and
reports the share that was judged wrongly: 50 % means that people cannot tell. HYPE-time (section
2.1) shows 150 images a block, each between 100 and 1,000 ms, 500 ms at first, then masked; an
adaptive staircase shortens the exposure after right answers and lengthens it after wrong ones, and
the most frequent exposure of a block is the score.

Where this differs from HYPE:

- One person, whoever sits there, instead of 30 paid ones who have passed a test (65 % right on 100
  images). The interval is Wilson's, of one person's guesses as independent trials; HYPE resamples
  its 30 people.
- 50 or 100 images in a session. Each is real with probability ½, independently: with a fixed
  number of real images, a person who is told each result could count how many are left. In HYPE,
  exactly half are real.
- Real images come from the test split if there is one, from the training data otherwise; HYPE's
  come from the training data.
- After a guess the image is shown again beside the answer; HYPE says right or wrong only.
- One mask of random pixels instead of four textures of 30 ms, and a mark of half a second instead
  of a countdown. One block of the staircase instead of three.
- A pair of images, one real and one drawn, is a task that HYPE does not have.
- Images are small and enlarged by a whole factor.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from .. import strict_json
from ..writing import unused, write_file, writing

FILE = "human.json"
#: Guesses after which a result is recorded, and after which a preliminary one is shown.
NEEDED, FIRST = 50, 30
#: Images in a session without a staircase; HYPE∞ has 100.
LENGTHS = (50, 100)
#: The value of the normal distribution for a two-sided 95 % interval.
Z95 = 1.959964

#: One image at a time, or two of which one is real.
Mode = Literal["one", "pair"]
#: Milliseconds that an image is shown; None without limit; or adapted after each guess.
Exposure = int | Literal["staircase"] | None


@dataclass(frozen=True)
class Guess:
    """One judgement.

    Parameters
    ----------
    right:
        Whether it was right.
    drawn:
        Whether the image was drawn by the generator; None for a pair.
    kind:
        What kind of sample it was, if this is known (:func:`by_kind`).
    exposure:
        Milliseconds for which it was to be seen; None without limit.
    """

    right: bool
    drawn: bool | None = None
    kind: str | None = None
    exposure: int | None = None


@dataclass(frozen=True)
class Rate:
    """A share of wrong guesses with its 95 % interval.

    Parameters
    ----------
    errors, guesses:
        Number of wrong guesses, and of all.
    """

    errors: int
    guesses: int

    @property
    def rate(self) -> float:
        """The share, NaN without guesses."""
        return self.errors / self.guesses if self.guesses else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of Wilson's interval."""
        return wilson(self.errors, self.guesses)

    def __str__(self) -> str:
        """``31 % [23, 41] of 100 guesses``"""
        low, high = (round(100 * end) for end in self.interval)
        guesses = f"{self.guesses:,} guess{'' if self.guesses == 1 else 'es'}"
        return f"{100 * self.rate:.0f} % [{low}, {high}] of {guesses}"


def wilson(errors: int, guesses: int, z: float = Z95) -> tuple[float, float]:
    """The interval of a binomial proportion (Wilson 1927), (0, 1) without guesses.

    Unlike the normal approximation it stays within [0, 1], and does not vanish at 0 and 1.
    """
    if not guesses:
        return 0.0, 1.0
    p, spread = errors / guesses, z * z / guesses
    centre = (p + spread / 2) / (1 + spread)
    half = z * math.sqrt(p * (1 - p) / guesses + spread / (4 * guesses)) / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)


def error_rate(guesses: Iterable[Guess], drawn: bool | None = None) -> Rate:
    """The error rate of guesses: of all, or only on drawn or on real images."""
    counted = [guess for guess in guesses if drawn is None or guess.drawn is drawn]
    return Rate(sum(not guess.right for guess in counted), len(counted))


def by_kind(guesses: Iterable[Guess]) -> dict[str, Rate]:
    """The error rate on drawn images of each kind, the one that fools most first.

    Kinds with equal rates are ordered by the number of guesses.
    """
    kinds: dict[str, list[Guess]] = {}
    for guess in guesses:
        if guess.drawn and guess.kind is not None:
            kinds.setdefault(guess.kind, []).append(guess)
    rates = {kind: error_rate(some) for kind, some in kinds.items()}
    return dict(sorted(rates.items(), key=lambda item: (-item[1].rate, -item[1].guesses, item[0])))


class Staircase:
    """The exposure of the next image, which depends on the answers so far.

    A weighted up-down rule: :data:`DOWN` shorter after a right answer, :data:`UP` longer after a
    wrong one. It is in balance where p · DOWN = (1 - p) · UP, at p = 75 % right, the threshold of
    HYPE-time. (HYPE's text has the two steps the other way round, which would be in balance at
    25 %.) Range, start and length of a block are HYPE's.
    """

    LEAST, MOST, START = 100, 1000, 500
    DOWN, UP = 10, 30
    #: Images of a block.
    LENGTH = 150

    def __init__(self) -> None:
        self.exposure = self.START

    def answer(self, right: bool) -> None:
        """Adapt the exposure to an answer."""
        moved = self.exposure + (-self.DOWN if right else self.UP)
        self.exposure = min(max(moved, self.LEAST), self.MOST)


def threshold(exposures: Iterable[int | None]) -> int | None:
    """The most frequent exposure of a block in ms, HYPE-time's score; of several the shortest."""
    counts = Counter(exposure for exposure in exposures if exposure is not None)
    return min(counts, key=lambda ms: (-counts[ms], ms)) if counts else None


@dataclass(frozen=True)
class Played:
    """The result of one session, as it is recorded.

    Parameters
    ----------
    date:
        When it ended, ISO 8601 in UTC.
    step:
        The training step of the generator.
    mode, exposure:
        What was shown, and for how long.
    total, fakes, reals:
        Errors of all guesses, of those on drawn images, and of those on real ones; of a pair the
        last two are empty.
    real:
        The data that real images came from: ``mnist[test]``.
    held_out:
        Whether the run was not trained on them.
    threshold:
        HYPE-time's score in ms, of a staircase.
    discriminator:
        D's errors on the same images; None if it cannot judge them.
    name:
        Who guessed, if this was given.
    """

    date: str
    step: int
    mode: Mode
    exposure: Exposure
    total: Rate
    fakes: Rate
    reals: Rate
    real: str
    held_out: bool
    threshold: int | None = None
    discriminator: Rate | None = None
    name: str | None = None

    @classmethod
    def of(cls, guesses: Sequence[Guess], mode: Mode, exposure: Exposure, **facts: Any) -> "Played":
        """The result of a session's guesses, dated now."""
        shown = (guess.exposure for guess in guesses)
        return cls(
            datetime.now(UTC).isoformat(timespec="seconds"),
            mode=mode,
            exposure=exposure,
            total=error_rate(guesses),
            fakes=error_rate(guesses, drawn=True),
            reals=error_rate(guesses, drawn=False),
            threshold=threshold(shown) if exposure == "staircase" else None,
            **facts,
        )


@dataclass(frozen=True)
class Record:
    """The sessions of a run, and what is wrong with its file, if anything."""

    sessions: list[Played] = field(default_factory=list)
    problem: str = ""


def read(run: Path) -> Record:
    """Read ``human.json`` of a run folder; a damaged file has no sessions and a problem."""
    path = run / FILE
    try:
        content = strict_json.loads(path.read_text(encoding="utf-8"))
        return Record([_played(session) for session in content["sessions"]])
    except FileNotFoundError:
        return Record()
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        return Record(problem=f"{path} is damaged: {error}")


def add(run: Path, session: Played) -> str:
    """Append a session to ``human.json`` of a run folder, atomically.

    A damaged file is renamed to ``human.damaged.json`` and a new one begun.

    Returns
    -------
    str
        What was done with a damaged file; empty if there was none.

    Raises
    ------
    ForgeryError
        If the file cannot be written.
    """
    path, before, note = run / FILE, read(run), ""
    with writing(path):
        if before.problem:
            aside = unused(path, ".damaged.json")
            path.rename(aside)
            note = f"{path.name} was damaged: it is kept as {aside.name}, and a new one was begun"
        sessions = [asdict(each) for each in (*before.sessions, session)]
        write_file(path, (strict_json.dumps({"sessions": sessions}, indent=1) + "\n").encode())
    return note


def lines(run: Path) -> list[str]:
    """What people have found of a run, for its card: one line a step, mode and exposure.

    ``error rate 31 % [23, 41] of 100 guesses, no time limit, step 3,000``. Sessions of the same
    kind are counted together, the newest kind first.
    """
    record = read(run)
    if record.problem:
        return [record.problem]
    alike: dict[tuple[int, Mode, Exposure], list[Played]] = {}
    for played in reversed(record.sessions):
        alike.setdefault((played.step, played.mode, played.exposure), []).append(played)
    return [
        f"{_found(sessions)}, {shown_for(mode, exposure)}, step {step:,}"
        for (step, mode, exposure), sessions in alike.items()
    ]


def shown_for(mode: Mode, exposure: Exposure) -> str:
    """Mode and exposure in words."""
    pairs = "pairs, " if mode == "pair" else ""
    if exposure is None:
        return f"{pairs}no time limit"
    return f"{pairs}{'staircase' if exposure == 'staircase' else f'{exposure} ms'}"


def _found(sessions: Sequence[Played]) -> str:
    rates = [played.total for played in sessions]
    guesses = sum(rate.guesses for rate in rates)
    thresholds = [played.threshold for played in sessions if played.threshold is not None]
    if thresholds:
        mean = sum(thresholds) / len(thresholds)
        return f"threshold {mean:.0f} ms of {guesses:,} guesses"
    return f"error rate {Rate(sum(rate.errors for rate in rates), guesses)}"


def _played(content: Mapping[str, Any]) -> Played:
    """A session of the file; raises ValueError, TypeError or KeyError if it is none."""
    known = {f.name: content[f.name] for f in fields(Played) if f.name in content}
    for name in ("total", "fakes", "reals", "discriminator"):
        if known.get(name) is not None:
            known[name] = _rate(known[name])
    played = Played(**known)
    if played.mode not in get_args(Mode) or not _is_exposure(played.exposure):
        raise ValueError(f"unknown mode or exposure in {json.dumps(dict(content))[:80]}")
    if not isinstance(played.step, int) or not isinstance(played.total, Rate):
        raise ValueError("a session without its step or its guesses")
    if played.threshold is not None and not isinstance(played.threshold, int):
        raise ValueError(f"the threshold {played.threshold!r:.40} is not a whole number")
    return played


def _rate(content: Mapping[str, Any]) -> Rate:
    errors, guesses = content["errors"], content["guesses"]
    if not (isinstance(errors, int) and isinstance(guesses, int) and 0 <= errors <= guesses):
        raise ValueError(f"{errors!r:.20} errors of {guesses!r:.20} guesses")
    return Rate(errors, guesses)


def _is_exposure(exposure: object) -> bool:
    return exposure is None or exposure == "staircase" or (type(exposure) is int and exposure > 0)
