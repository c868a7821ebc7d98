"""Options of `make nightly` and `make night`: text to types, and early refusal of what can be seen to fail.

Python's own library only: they are checked before anything is installed.
"""

import argparse
import ast
import os
import sys
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from jobs.jars import java_problem
from jobs.lake_path import path_problem
from jobs.land import DATASETS

HOME = Path(__file__).resolve().parents[1]
ENGINES = ("sail", "spark")


class OptionError(Exception):
    """An option that cannot be; the message is one line that says what to do."""


@dataclass(frozen=True)
class Options:
    """What to run."""

    dataset: str
    source: Path | None
    lake: Path
    as_of: date | None
    nights: int
    engine: str

    @property
    def shop(self) -> dict[str, Any]:
        """What landing wrote about the shop; nothing before it."""
        path = self.lake / "shop.toml"
        if path.is_symlink() and not path.exists():
            raise OptionError(f"{path} is a link that points nowhere: put the shop's file there")
        try:
            return tomllib.loads(path.read_text("utf-8")) if path.exists() else {}
        except (OSError, ValueError) as error:  # a wrong letter or a wrong line is a ValueError too
            raise OptionError(f"{path} can't be read: {error}; mend it, or land into another LAKE") from None

    @property
    def environment(self) -> dict[str, str]:
        """What the jobs and Airflow need to know."""
        paths = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
        told = {
            "PATH": os.pathsep.join(paths),
            "PYTHONUNBUFFERED": "1",
            "NIGHTJAR_ENGINE": self.engine,
            "NIGHTJAR_LAKE": str(self.lake),
            "NIGHTJAR_SPARK_JARS": os.environ.get("NIGHTJAR_SPARK_JARS") or str(HOME / ".jars"),
        }
        zone = self.shop.get("business_timezone") or os.environ.get("NIGHTJAR_BUSINESS_TIMEZONE")
        return {**os.environ, **told, **({"NIGHTJAR_BUSINESS_TIMEZONE": zone} if zone else {})}


def options_of(given: argparse.Namespace) -> Options:
    """Text to types, each option checked by itself."""
    if given.dataset not in DATASETS:
        raise OptionError(f"unknown DATASET={given.dataset}: choose one of {', '.join(DATASETS)}")
    if given.engine not in ENGINES:
        raise OptionError(f"unknown ENGINE={given.engine}: choose sail (needs no Java) or spark")
    if not given.nights.isascii() or not given.nights.isdigit() or int(given.nights) < 1:
        raise OptionError(f"NIGHTS={given.nights} is not a number of nights: give 1 or more")
    try:
        as_of = date.fromisoformat(given.as_of) if given.as_of else None
    except ValueError:
        raise OptionError(f"AS_OF={given.as_of} is not a date: write it as YYYY-MM-DD") from None
    if given.lake is not None and not given.lake.strip():
        raise OptionError("LAKE= is empty: name a folder, or leave LAKE out")
    source = Path(given.source).expanduser() if given.source else None
    lake = Path(given.lake or Path("lake", given.dataset)).expanduser().resolve()
    return Options(given.dataset, source, lake, as_of, int(given.nights), given.engine)


def check_lake(options: Options, what: str) -> None:
    """Refuse what can be seen to fail before anything is installed or landed."""
    if options.engine == "spark" and (problem := java_problem()):
        raise OptionError(problem.replace('NIGHTJAR_ENGINE="sail"', "ENGINE=sail"))
    if problem := path_problem(options.lake):
        raise OptionError(problem)
    if options.lake.exists() and not options.lake.is_dir():
        raise OptionError(f"LAKE={options.lake} is a file: give a folder")
    shop = options.shop
    if shop and "dataset" not in shop:
        raise OptionError(f"{options.lake / 'shop.toml'} names no dataset: mend it, or give another LAKE")
    if shop and shop["dataset"] != options.dataset:
        raise OptionError(
            f"{options.lake} holds data set {shop['dataset']}: give DATASET={shop['dataset']} or another LAKE"
        )
    if shop:
        check_dates(options, shop, 0 if what == "night" else options.nights)
    elif what == "night":
        raise OptionError(f"{options.lake} is no lake yet: run `make nightly` with the same options first")
    elif options.source is None and (expected := expected_files(options.dataset)):
        raise OptionError(f"data set {options.dataset} needs SOURCE=dir with {expected}")
    if options.source is not None and not options.source.exists():
        raise OptionError(f"SOURCE={options.source} does not exist: give the folder of the data set's files")


def expected_files(dataset: str) -> str | None:
    """What the adapter's `EXPECTS` says that SOURCE must hold; None where the data set brings its own data.

    Read from the text, since importing an adapter needs what may not be installed yet.
    """
    path = HOME / Path(*DATASETS[dataset].split(".")).with_suffix(".py")
    if not path.is_file():
        return None
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "EXPECTS" for t in node.targets):
            parts = node.value.values if isinstance(node.value, ast.JoinedStr) else [node.value]
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
    return None


def check_dates(options: Options, shop: dict[str, Any], nights: int) -> None:
    """Refuse dates that the landed data do not reach; `nights` need a day of history before them."""
    if "last_date" not in shop:
        raise OptionError(f"{options.lake} has no day of trade: land files into it first")
    first, last = shop.get("first_date"), shop["last_date"]
    if type(first) is not date or type(last) is not date:
        raise OptionError(f"{options.lake / 'shop.toml'} needs first_date and last_date, like 2024-03-31: mend it")
    as_of = options.as_of or last
    if not first <= as_of <= last:
        raise OptionError(f"AS_OF={as_of} is outside the data of {options.lake}: choose a date from {first} to {last}")
    if as_of - timedelta(days=nights) < first:
        most = (as_of - first).days
        raise OptionError(
            f"NIGHTS={nights} is longer than the history from {first} to {as_of}: "
            + (f"choose {most} or less" if most else "choose a later AS_OF")
        )
