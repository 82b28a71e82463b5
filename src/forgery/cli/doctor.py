"""``forgery doctor``"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..errors import ForgeryError
from ..progress import in_words


def doctor(
    run: Path | None = None,
    /,
    *,
    data: str | None = None,
    environment: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Diagnose the problems of a run: observation, explanation, suggested change.

    Parameters
    ----------
    run:
        The run folder.
    data:
        New path of the run's data, if it was moved after training.
    environment:
        Instead of a run, describe this machine for a bug report: versions, processor, GPU, memory,
        disk.
    """
    if environment:
        if run is not None or data is not None:
            given = f"the run {run}" if run is not None else f"--data {data}"
            raise ForgeryError(f"--environment describes this machine: leave out {given}")
        _print_environment()
    elif run is None:
        raise ForgeryError("give a run folder, or --environment")
    else:
        _print_findings(run, data)


def _print_environment() -> None:
    from ..environment import environment

    facts = environment()
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        print(f"{name:<{width}}  {value}")


def _print_findings(run: Path, data: str | None) -> None:
    from ..evaluation import doctor as diagnose
    from ..training.doctor import too_early
    from ..training.run import open_run

    findings = diagnose(run, data=data)
    reports = open_run(run).read_metrics()
    for finding in findings:
        print(f"{finding}\n")
    last = reports[-1]
    print(
        f"{len(findings) or 'no'} finding{'' if len(findings) == 1 else 's'} in {len(reports)} "
        f"report{'' if len(reports) == 1 else 's'}, up to step {last['step']:,}: "
        + "".join(f"{number}, " for number in in_words(last, {}))
        + f"diversity {last['diversity']:.2f} of the data's, "
        f"gradient norm of G {last['g_gradient']:.2g}"
    )
    if note := too_early(reports):
        print(note)
