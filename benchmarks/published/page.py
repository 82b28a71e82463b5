"""The tables of the documentation, generated between markers from the recorded lines."""

import re
from collections.abc import Iterable, Mapping, Sequence

from .declaration import Column, Row, Table
from .results import Line, Lines, mean_and_error


def block(table: Table, lines: Lines) -> str:
    """A table as Markdown: what is there, and how far it is from complete."""
    if not lines.all:
        return f"*Not measured yet:* {table.title} (`{table.command}`)."
    parts = [f"**{table.title}: {progress(table, lines)}.**", f"    {table.command}"]
    parts.append("\n".join(_summary(table, lines)))
    if len(table.headings) > 1 and (by_seed := _by_seed(table, lines)):
        parts.append("\n".join(by_seed))
    parts += [table.protocol, _origin(lines)]
    return "\n\n".join(parts)


def progress(table: Table, lines: Lines) -> str:
    """Seeds and length that the slowest rows have reached: "4 of 5 seeds, 50 of 250 epochs"."""
    runnable = [row for row in table.rows if row.lengths != (0,)]
    reached = [_lengths_reached(table, row, lines) for row in runnable]
    if not any(map(any, reached)):
        return "not measured yet"
    complete = min((min(n) for n in reached), default=0)
    begun = [sum(1 for n in of_row if n) for of_row in reached]
    total, unit = _length(table.headings[-1])
    if all(count == len(row.seeds) for count, row in zip(begun, runnable, strict=True)):
        seeds = _numbers(len(row.seeds) for row in runnable)
        length = _length(table.headings[complete - 1])[0]
        part = "" if complete == len(table.headings) else f"{length} of "
        return f"{seeds} seed{'' if seeds == '1' else 's'}, {part}{total} {unit}"
    done = f"{sum(begun)} of {sum(len(row.seeds) for row in runnable)} runs begun"
    furthest = max(max(n) for n in reached)
    length = _length(table.headings[furthest - 1])[0]
    return f"{done}, at most {length} of {total} {unit}"


def _length(heading: str) -> tuple[str, str]:
    number, _, unit = heading.partition(" ")
    return number, unit + ("s" if unit in ("epoch",) else "")


def _numbers(counts: Iterable[int]) -> str:
    different = sorted(set(counts))
    return " or ".join(map(str, different))


def _lengths_reached(table: Table, row: Row, lines: Lines) -> list[int]:
    """How many of its lengths each seed of a row has reached."""
    return [
        sum(table.line(row, seed, steps, lines) is not None for steps in row.lengths)
        for seed in row.seeds
    ]


def _last_lines(table: Table, row: Row, lines: Lines) -> tuple[int, list[Line]]:
    """The longest length that most seeds have reached, and their lines there."""
    by_length = [
        (steps, [found for seed in row.seeds if (found := table.line(row, seed, steps, lines))])
        for steps in row.lengths
    ]
    most = max(len(found) for _, found in by_length)
    return next(pair for pair in reversed(by_length) if len(pair[1]) == most)


def _summary(table: Table, lines: Lines) -> list[str]:
    """A line for each row, at its longest length, and below it what is the same for all rows."""
    rows = [_cells(table, row, lines) for row in table.rows]
    shared = {
        title: rows[0][title]
        for title in ("published", "target")
        if len(rows) > 1 and len({row[title] for row in rows}) == 1
    }
    titles = [t for t in rows[0] if t not in shared and any(row[t] != "–" for row in rows)]
    below = [f"{title.capitalize()}: {text}." for title, text in shared.items() if text != "–"]
    body = _markdown(titles, [[row[t] for t in titles] for row in rows])
    return [*body, "", " ".join(below)] if below else body


def _cells(table: Table, row: Row, lines: Lines) -> dict[str, str]:
    """The cells of a row by the titles of their columns; a dash where there is nothing."""
    steps, found = _last_lines(table, row, lines)
    kept = [line for line in found if not table.is_collapsed(line)]
    trained = found and row.lengths != (0,)
    return {
        "": row.name,
        "published": row.reference,
        "target": row.target,
        "seeds": _seeds(row, len(found), len(found) - len(kept)),
        "after": table.headings[row.lengths.index(steps)] if trained else "–",
        **{column.title: _mean(column, kept) for column in table.columns},
        "status": status(row, steps, found, kept),
    }


def _markdown(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    head = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    return head + [f"| {' | '.join(row)} |" for row in rows]


def _seeds(row: Row, found: int, collapsed: int) -> str:
    if not found and (command := row.missing()):
        return f"none: needs `{command}`"
    count = str(found) if found == len(row.seeds) else f"{found} of {len(row.seeds)}"
    count += f", {collapsed} collapsed" if collapsed else ""
    return f"{count} ({row.few_seeds})" if row.few_seeds else count


def _mean(column: Column, lines: Sequence[Line]) -> str:
    found = [line for line in lines if column.key in line.scores]
    if len(found) == 1:
        return _single(column, found[0])
    return (
        column.show(*mean_and_error([line.scores[column.key] for line in found])) if found else "–"
    )


def _single(column: Column, line: Line) -> str:
    return column.show(line.scores[column.key], line.scores.get(column.error))


def status(row: Row, steps: int, found: Sequence[Line], kept: Sequence[Line]) -> str:
    """Met, missed, or open while the row is shorter than declared; a dash without a target.

    ``found`` are the lines of all seeds after ``steps``, ``kept`` those that have not collapsed.
    """
    if row.met is None:
        return "–"
    complete = len(found) == len(row.seeds) and steps == row.lengths[-1]
    if kept and row.met([line.scores for line in kept]):
        return "met" if complete else "met so far"
    return "missed" if complete else "open"


def _by_seed(table: Table, lines: Lines) -> list[str]:
    """The first score of every seed at every length, and the doctor's findings."""
    column, rows = table.columns[0], []
    for row in table.rows:
        if row.lengths == (0,):
            continue
        for seed in row.seeds:
            found = lines.of(row.name, seed)
            if not found:
                continue
            cells = [
                _single(column, line) if line else "–"
                for line in (lines.find(row.name, seed, steps) for steps in row.lengths)
            ]
            told = ", ".join(dict.fromkeys(found[-1].doctor)) or "nothing"
            told += " (collapsed)" if table.is_collapsed(found[-1]) else ""
            rows.append([row.name, str(seed), *cells, told])
    return _markdown(["", "seed", *table.headings, "`doctor`"], rows) if rows else []


def _origin(lines: Lines) -> str:
    machines = "; ".join(dict.fromkeys(line.machine for line in lines.all))
    commits = ", ".join(dict.fromkeys(line.commit for line in lines.all))
    return f"{machines}. Commits: {commits}."


def tables_of(name: str, tables: Mapping[str, Table]) -> dict[str, Table]:
    """The tables that a page has."""
    return {key: table for key, table in tables.items() if table.page == name}


def filled(page: str, tables: Mapping[str, Table], lines: Mapping[str, Lines]) -> str:
    """The page with every marked table generated anew.

    Raises
    ------
    ValueError
        A table has no markers in the page, or the page marks an unknown one.
    """
    marked = re.findall(r"^<!-- table (\S+) -->$", page, re.M)
    if sorted(marked) != sorted(tables):
        raise ValueError(f"the page marks {sorted(marked)}, expected {sorted(tables)}")

    def replaced(match: re.Match[str]) -> str:
        name = match[1]
        return f"<!-- table {name} -->\n{block(tables[name], lines[name])}\n<!-- /table -->"

    return re.sub(r"<!-- table (\S+) -->\n.*?<!-- /table -->", replaced, page, flags=re.S)
