"""``forgery theory``"""

from pathlib import Path


def theory(*statements: str, out: Path | None = None) -> int:
    """Compute what the 2014 paper states: claim, expected, measured, tolerance, whether it holds.

    All of it takes about a minute. The exit code is 1 if a claim does not hold.

    Parameters
    ----------
    statements:
        Which: figure-1, gradients, proposition-1, theorem-1, capacity, proposition-2, objectives.
        All of them if none is named.
    out:
        A folder to draw the figures in; with all statements also the page that explains them.
    """
    from rich.console import Console
    from rich.table import Table

    from ..errors import lookup
    from ..theory import STATEMENTS, title, write
    from ..theory.page import COLUMNS, row
    from ..training.device import prepare_cpu

    chosen = {name: lookup(STATEMENTS, name, "statement") for name in statements or STATEMENTS}
    prepare_cpu(threads=1)  # the networks are too small for two to help each other
    console = Console(markup=False, highlight=False)
    results = {}
    for name, statement in chosen.items():
        table = Table(box=None, pad_edge=False, title=title(statement), title_justify="left")
        for column in COLUMNS:
            table.add_column(column, justify="left" if column in ("claim", "holds") else "right")
        results[name] = statement()
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
