"""``forgery show``"""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..progress import NUMBERS


def show(run: Path, /) -> None:
    """Show a run's data, progress, checkpoints and the settings that have an effect.

    Parameters
    ----------
    run:
        A run folder, zoo:NAME, hub:OWNER/NAME or an exported folder.
    """
    from ..config import flag
    from ..errors import ForgeryError
    from ..evaluation import human
    from ..training import checkpoint
    from ..training.run import open_run

    opened = open_run(run)
    record, config = opened.record, opened.config
    reports = opened.read_metrics()
    data = record["data"]
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("recipe", f"{config.recipe}, {config.length}")
    if start := record.get("pretrained"):
        weights = f"weights {start['fingerprint'][:12]}…"
        table.add_row("started from", f"{config.start_from}, step {start['step']:,}, {weights}")
    table.add_row("data", f"{data['name']}: {opened.count:,} {opened.kind} of {data['shape']}")
    table.add_row("made with", f"forgery {record['forgery']}, torch {record['torch']}")
    threads = f"{config.threads} thread{'' if config.threads == 1 else 's'}"
    machine = f"{record['machine']['device']} ({config.device}, {threads})"
    table.add_row("machine", machine)
    for step in checkpoint.steps(opened.checkpoints):
        try:
            checkpoint.read(opened.checkpoints, step)
            state = "intact"
        except ForgeryError as error:
            state = str(error)
        table.add_row("checkpoint", f"step {step:,}: {state}")
    if reports:
        last = reports[-1]
        table.add_row("last report", f"step {last['step']:,}, {last['seconds'] / 60:.1f} minutes")
        for name in NUMBERS:
            if name in last:
                table.add_row("", f"{name} {last[name]:.3f}")
    for line in human.lines(run):
        table.add_row("people", line)
    Console(markup=False, highlight=False).print(table)
    for title, settings in config.effective().items():
        print(f"\n{title}")
        for name, value in settings.items():
            print(f"  {flag(name):<21} {value if isinstance(value, str) else json.dumps(value)}")
