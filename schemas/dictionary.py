"""The data dictionary in Markdown, from the contracts: `python -m schemas.dictionary` writes it, `--check` compares."""

import argparse
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from pyspark.sql import types as T

from schemas.contract import Column, NotNull, Table
from schemas.tables import TABLES

PATH = Path(__file__).resolve().parents[1] / "docs" / "data-dictionary.md"
LAYERS = {
    "raw": "Landed rows, typed and free of duplicates; refused rows with their reason.",
    "clean": "What happened in the shop: orders net of returns, sessions, reviews.",
    "feature": "Facts per customer and day, and snapshots of all customers, products and patterns as of one date.",
    "score": "What the models say of one date.",
    "customer": "What readers are meant to query.",
    "campaign": "Who is contacted, who is left alone, and what came of it.",
    "ops": "What the runs did.",
}
HEAD = """# Data dictionary

Made from the contracts in `schemas/` by `make format`; edit those. Each rule here is enforced: a write that breaks one
fails, and the quality gates judge the same rules again.

Every table is a Delta table: the folder of its name in the lake, or `catalog.schema.<name>` with a catalog. Amounts are
in the shop's currency, timestamps in UTC, dates in the business time zone. Where a table has a *slice*, one run
replaces the rows of its own days; else it merges by *key*.
"""


def dictionary(tables: tuple[Table, ...] = TABLES) -> str:
    """The whole text."""
    parts = [HEAD, "\n".join(contents(tables)) + "\n"]
    for layer, members in groupby(tables, lambda table: table.layer):
        parts.append(f"## {layer}\n\n{LAYERS[layer]}\n")
        parts += ["\n".join(section(table)) + "\n" for table in members]
    return "\n".join(parts)


def contents(tables: tuple[Table, ...]) -> Iterator[str]:
    """One line for each table."""
    yield "| table | one row is | what it holds |"
    yield "|---|---|---|"
    for table in tables:
        yield f"| [`{table.name}`](#{table.name}) | {cell(table.grain.removeprefix('one row per '))} | {cell(table.meaning)} |"


def section(table: Table) -> Iterator[str]:
    """One table."""
    yield f"### {table.name}\n"
    yield f"{table.meaning}\n"
    yield f"- **Grain:** {table.grain}"
    yield f"- **Key:** {names(table.key)}"
    yield f"- **Slice:** {names((table.slice_column,)) if table.slice_column else 'none, merged by key'}"
    if table.cut_column:
        yield f"- **Files cut by:** {names((table.cut_column,))}"
    if table.customer_columns:
        yield f"- **Customer ids:** {names(table.customer_columns)}"
    for sentence, _ in table.checks:
        yield f"- **Rule:** {sentence}"
    yield "\n| column | type | unit | meaning | rules |"
    yield "|---|---|---|---|---|"
    yield from (line(column) for column in table.columns)


def line(column: Column) -> str:
    """One column."""
    meaning = column.meaning + (" Direct identifier: stays in the raw layer." if column.is_direct_identifier else "")
    cells = (f"`{column.name}`", type_name(column.type), column.unit or "", cell(meaning), cell(rules(column)))
    return "| " + " | ".join(cells) + " |"


def rules(column: Column) -> str:
    """The column's rules in words; that it may be null is said, for that is the surprise."""
    said = [rule.sentence() for rule in column.constraints if not isinstance(rule, NotNull)]
    return "; ".join(["never null" if column.is_required else "may be null", *said])


def type_name(kind: T.DataType) -> str:
    """Spark's name of the type."""
    return kind.simpleString()


def names(columns: tuple[str, ...]) -> str:
    """Column names as code."""
    return ", ".join(f"`{column}`" for column in columns)


def cell(text: str) -> str:
    """Text that cannot end its cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m schemas.dictionary", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where the page is not up to date")
    text = dictionary()
    if parser.parse_args(arguments).check:
        if not PATH.is_file() or PATH.read_text(encoding="utf-8") != text:
            sys.stderr.write(f"error: docs/{PATH.name} differs from the contracts: run python -m schemas.dictionary\n")
            return 1
        return 0
    PATH.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
