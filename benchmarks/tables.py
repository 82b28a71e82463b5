"""The published tables: train what is missing, resume what was stopped, write the tables.

    python benchmarks/tables.py --status
    python benchmarks/tables.py [--only NAME …] [--jobs 1] [--runs runs/tables]
    python benchmarks/tables.py --write

Every run takes one thread, at low priority, and can be stopped at any time (Ctrl-C, SIGTERM) and
resumed by the same command, bit for bit. The first score of every run comes first, then the second
… Each score is a line of benchmarks/results/tables/NAME.jsonl, and the tables in docs are generated
from these files. The tables are declared in benchmarks/published.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import forgery
from forgery.training import device as devices
from machine import machine
from published import TABLES, page, schedule
from published.declaration import Place, Task, tasks
from published.results import Line, append
from published.rows import Clock, Trained, train_until

ROOT = Path(__file__).parents[1]
RESULTS, DOCS = ROOT / "benchmarks/results/tables", ROOT / "docs"
#: Added to the niceness of the runs.
NICE = 10


def commit() -> str:
    """The commit of the code that runs, marked if files were changed after it."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(ROOT), *words]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--", "src", "benchmarks/published")
    return (git("rev-parse", "--short=7", "HEAD") or "unknown") + ("+" if changed else "")


def write_pages(place: Place) -> None:
    """Generate the tables of the documentation anew from the recorded lines."""
    lines = schedule.read(TABLES, place)
    for name in {table.page for table in TABLES.values()}:
        path, tables = DOCS / name, page.tables_of(name, TABLES)
        path.write_text(page.filled(path.read_text("utf-8"), tables, lines), encoding="utf-8")


def do(task: Task, place: Place) -> int:
    """Run a task in this process and record its scores; the exit code."""
    devices.prepare_cpu(1)
    code = commit()
    outcomes = task.row.run(task, place)
    if outcomes is None:
        return schedule.STOPPED
    lines = [
        Line(
            row=task.row.name,
            seed=outcome.seed,
            steps=task.steps,
            scores=dict(outcome.scores),
            doctor=list(outcome.doctor),
            ms_per_step=outcome.ms_per_step,
            machine=machine(),
            commit=code,
            command=task.table.command,
        )
        for outcome in outcomes
    ]
    append(place.results / f"{task.table.name}.jsonl", lines)
    for line in lines:
        shown = ", ".join(f"{key} {value:.4g}" for key, value in line.scores.items())
        print(f"{task.run_name}, step {task.steps:,}, seed {line.seed}: {shown}", flush=True)
    return 0


def print_status(names: list[str], place: Place) -> None:
    total, all_known = 0.0, True
    for name, lines in schedule.read({name: TABLES[name] for name in names}, place).items():
        table = TABLES[name]
        every = tasks(table)
        done = sum(task.is_done(lines) for task in every)
        seconds, known = schedule.seconds_left(table, lines, place)
        total, all_known = total + seconds, all_known and known
        left = "complete" if done == len(every) else schedule.in_words(seconds, known) + " left"
        print(f"{name:16} {done:3} of {len(every):3} scores, {left}; {page.progress(table, lines)}")
        missing = {r.missing() for r in table.rows} - {""}
        for command in sorted(missing):
            print(f"{'':16} rows that need {command} are left out")
    print(f"in all {schedule.in_words(total, all_known)} of one core, scoring not included")


def print_times(name: str, steps: int) -> None:
    """The processor's time per step of each row, which rows of equal time are declared by."""
    devices.prepare_cpu(1)
    for row in TABLES[name].rows:
        if isinstance(row, Trained) and not row.missing():
            with tempfile.TemporaryDirectory() as folder:
                clock = Clock()
                config = row.settings(row.seeds[0]).replace(report_every=10**9)
                train_until(steps, config, Path(folder) / "run", clock, **row.parts)
            print(f"{row.name}: {clock.ms_per_step} ms", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=TABLES, metavar="NAME", default=list(TABLES))
    parser.add_argument("--list", action="store_true", help="name and title of every table")
    parser.add_argument("--status", action="store_true", help="what is done; time of the rest")
    parser.add_argument("--write", action="store_true", help="only generate the tables of docs")
    parser.add_argument("--time", metavar="NAME", choices=TABLES, help="time per step of the rows")
    parser.add_argument("--jobs", type=int, default=1, help="runs at once, one core each")
    parser.add_argument("--runs", type=Path, default=Path("runs/tables"), help="run folders")
    parser.add_argument("--results", type=Path, default=RESULTS, help="recorded scores")
    parser.add_argument("--task", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    place = Place(options.runs, options.results)
    if options.list:
        for table in TABLES.values():
            print(f"{table.name:16} {table.title}")
        return 0
    if options.status:
        print_status(options.only, place)
        return 0
    if options.write:
        write_pages(place)
        return 0
    if options.time:
        print_times(options.time, 200)
        return 0
    if options.task:
        table, row, seeds, steps = options.task
        chosen = TABLES[table].row(row)
        task = Task(TABLES[table], chosen, tuple(map(int, seeds.split(","))), int(steps))
        return do(task, place)

    def command(task: Task) -> list[str]:
        seeds = ",".join(map(str, task.seeds))
        words = [task.table.name, task.row.name, seeds, str(task.steps)]
        folders = ["--runs", str(place.runs), "--results", str(place.results)]
        return [sys.executable, __file__, *folders, "--task", *words]

    def after() -> None:
        if place.results == RESULTS:
            write_pages(place)

    os.nice(NICE)
    return schedule.Runner(command, options.jobs, after).run(TABLES, options.only, place)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except forgery.ForgeryError as error:
        sys.exit(f"error: {error}")
