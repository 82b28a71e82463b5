"""``forgery theory``"""

from pathlib import Path


def theory(*statements: str, out: Path | None = None) -> int:
    """Check the statements of the 2014 paper numerically: claim, expected, measured, tolerance.

    All statements take about a minute. The exit code is 1 if a claim does not hold.

    Parameters
    ----------
    statements:
        figure-1, gradients, proposition-1, theorem-1, capacity, proposition-2 or objectives
        (default: all). The text of each named statement is printed too.
    out:
        Folder for the figures; if all statements are checked, also for the page that explains them.
    """
    from rich.console import Console
    from rich.table import Table

    from ..errors import lookup
    from ..theory import STATEMENTS, make_folder, prose, title, write
    from ..theory.page import COLUMNS, row
    from ..training.device import prepare_cpu

    chosen = {name: lookup(STATEMENTS, name, "statement") for name in statements or STATEMENTS}
    if out:
        make_folder(out)  # fail now rather than after a minute of computing
    prepare_cpu(threads=1)  # the networks are too small to benefit from more threads
    console = Console(markup=False, highlight=False)
    results = {}
    for number, (name, statement) in enumerate(chosen.items(), start=1):
        with console.status(f"computing {name} ({number} of {len(chosen)})"):
            results[name] = statement()
        console.print(title(statement))
        if statements:
            for paragraph in prose(statement).split("\n\n"):
                console.print("\n" + " ".join(paragraph.split("\n")))
            console.print()
        table = Table(box=None, pad_edge=False)
        for column in COLUMNS:
            table.add_column(column, justify="left" if column in ("claim", "holds") else "right")
        for check in results[name].checks:
            table.add_row(*row(check))
        console.print(table)
        console.print()
    checks = [check for evidence in results.values() for check in evidence.checks]
    failed = sum(not check.holds for check in checks)
    print(f"{len(checks) - failed} of {len(checks)} claims hold")
    for path in write(out, STATEMENTS, results) if out else []:
        print(f"  {path}")
    return int(failed > 0)
