"""``forgery doctor``"""

from pathlib import Path

from ..progress import NUMBERS


def doctor(run: Path, /, *, data: str | None = None) -> None:
    """Diagnose the problems of a run: observation, explanation, suggested change.

    Parameters
    ----------
    run:
        The run folder.
    data:
        New path of the run's data, if it was moved after training.
    """
    from ..evaluation import doctor as diagnose
    from ..training.run import open_run

    findings = diagnose(run, data=data)
    reports = open_run(run).read_metrics()
    for finding in findings:
        print(f"{finding}\n")
    last = reports[-1]
    print(
        f"{len(findings) or 'no'} finding{'' if len(findings) == 1 else 's'} in {len(reports)} "
        f"reports, up to step {last['step']:,}: "
        + "".join(f"{name} {last[name]:.3f}, " for name in NUMBERS if name in last)
        + f"diversity {last['diversity']:.2f} of the data's, "
        f"gradient norm of G {last['g_gradient']:.2g}"
    )
