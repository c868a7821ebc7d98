"""``python -m jobs.land --dataset NAME [--source DIR] [--lake DIR] [--option k=v ...]``.

Writes ``<lake>/landing/<source>/dt=…/`` and, last, ``<lake>/shop.toml``: a lake without it is not landed. Safe to
rerun: the same input gives the same bytes, and a file is whole or absent. Exit code 2 says that the call or its input
must change; the one line on stderr says how.
"""

import argparse
import contextlib
import errno
import logging
import os
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NoReturn

from jobs.lake_path import path_problem
from jobs.land import DATASETS, Adapter, LandingError, Value, load_adapter
from jobs.land.files import landed_days
from jobs.whole_files import write_whole

LOG = logging.getLogger("jobs.land")
OWN = (
    "# Your own settings go below this line, where landing again keeps them. To change one from above, move it here.\n"
)
#: Sources that tell when the shop was open; the others may carry older or later dates.
TRADE_SOURCES = ("transactions", "clickstream")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise LandingError(f"{message}: see python -m jobs.land --help")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Text to types, at the edge."""
    parser = _Parser(prog="python -m jobs.land", description="Land one data set's files in the raw format.")
    parser.add_argument("--dataset", required=True, help=" | ".join(DATASETS))
    parser.add_argument("--source", type=Path, help="folder with the data set's own files")
    parser.add_argument("--lake", help="folder of the shop (default: $NIGHTJAR_LAKE, else ./lake/<dataset>)")
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="the data set's own dials")
    given = parser.parse_args(argv)
    if given.lake is not None and not given.lake.strip():
        raise LandingError("--lake (make: LAKE=) is empty: name a folder, or leave it out")
    given.lake = Path(given.lake) if given.lake else None
    return given


def options_of(pairs: Sequence[str]) -> dict[str, str]:
    """``k=v`` pairs as a mapping."""
    bad = [pair for pair in pairs if "=" not in pair]
    if bad:
        raise LandingError(f"--option {bad[0]!r} is not KEY=VALUE: write for example --option seed=7")
    return dict(pair.split("=", 1) for pair in pairs)


def claim(lake: Path, dataset: str) -> None:
    """Refuse a lake that another data set uses, else mark it: two shops' rows must never mix."""
    marker, shop = lake / "landing" / ".dataset", lake / "shop.toml"
    holder = marker.read_text().strip() if marker.is_file() else None
    if holder is None and shop.is_file():
        try:
            holder = tomllib.loads(shop.read_text()).get("dataset")
        except tomllib.TOMLDecodeError as error:
            raise LandingError(f"{shop} cannot be read ({error}): remove it and land again") from None
    if holder is not None and holder != dataset:
        raise LandingError(
            f"lake {lake} already holds data set {holder}: "
            f"give {dataset} another --lake (make: LAKE=) or remove this one"
        )
    write_whole(marker, f"{dataset}\n".encode())


def release(lake: Path) -> None:
    """Take the mark back where nothing landed, so that a mistyped call does not bind the lake to its data set."""
    landing = lake / "landing"
    with contextlib.suppress(OSError):
        if not any(path.is_dir() for path in landing.iterdir()):
            (landing / ".dataset").unlink()
            landing.rmdir()
            lake.rmdir()


def business_dates(adapter: Adapter, landing: Path) -> dict[str, date]:
    """First and last full business day: the adapter's rule, else the days with trade, else ``PROFILE``'s own."""
    if hasattr(adapter, "business_dates"):
        first, last = adapter.business_dates(landing)
        return {"first_date": first, "last_date": last}
    days = [day for source in TRADE_SOURCES for day in landed_days(landing, source)]
    return {"first_date": min(days), "last_date": max(days)} if days else {}


def shop_toml(profile: Mapping[str, Value], notes: Mapping[str, str]) -> str:
    """TOML, notes above their keys; values are few and simple, so no TOML writer is needed."""
    lines = ["# Written at landing. Environment variables NIGHTJAR_* win over these settings."]
    for key, value in profile.items():
        if key in notes:
            lines.append(f"# {notes[key]}")
        lines.append(f"{key} = {_toml_value(value)}")
    return "\n".join(lines) + "\n"


def own_settings(shop: Path) -> str:
    """What a person added to the shop's file below the mark, word for word."""
    return shop.read_text("utf-8").partition(OWN)[2] if shop.is_file() else ""


def with_own_settings(profile: Mapping[str, Value], notes: Mapping[str, str], own: str) -> str:
    """The shop's file: the profile without what a person set, then what a person set, as it was written."""
    given = tomllib.loads(own)
    return shop_toml({key: value for key, value in profile.items() if key not in given}, notes) + f"\n{OWN}{own}"


def _toml_value(value: Value) -> str:
    if isinstance(value, tuple):
        items = [_toml_value(one) if isinstance(one, date) else _toml_table(one) for one in value]
        return "[\n" + "".join(f"  {item},\n" for item in items) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return value.isoformat() if isinstance(value, date) else repr(value)


def _toml_table(table: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{key} = {_toml_value(text)}" for key, text in table.items()) + " }"


def land(dataset: str, source: Path | None, lake: Path, options: dict[str, str]) -> dict[str, int]:
    """Land one data set in one lake and return the rows written per source."""
    adapter = load_adapter(dataset)
    started = time.perf_counter()
    claim(lake, dataset)
    own = own_settings(lake / "shop.toml")
    try:
        counts = adapter.land(source, lake / "landing", options)
    except (LandingError, OSError):
        release(lake)
        raise
    profile = {**adapter.PROFILE, "dataset": dataset, **business_dates(adapter, lake / "landing")}
    if hasattr(adapter, "closed_dates"):
        profile["closed_dates"] = adapter.closed_dates(lake / "landing")
    write_whole(lake / "shop.toml", with_own_settings(profile, getattr(adapter, "NOTES", {}), own).encode())
    rows = " ".join(f"{name}={count}" for name, count in counts.items())
    LOG.info("step=land dataset=%s %s seconds=%.1f", dataset, rows, time.perf_counter() - started)
    return counts


def _advice(error: OSError, lake: Path) -> LandingError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LandingError(
            f"disk full while writing to {lake}: free some space or give another --lake (make: LAKE=), then run again"
        )
    return LandingError(
        f"{error.strerror or error} ({error.filename or lake}): "
        "mend this or give another --lake (make: LAKE=) or --source (make: SOURCE=)"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line and return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        args = parse(argv)
        named = os.environ.get("NIGHTJAR_LAKE")
        if args.lake is None and named is not None and not named.strip():
            raise LandingError("NIGHTJAR_LAKE is empty: name a folder, or unset it")
        lake = args.lake or Path(named or Path("lake") / args.dataset)
        if problem := path_problem(lake):
            raise LandingError(problem)
        try:
            land(args.dataset, args.source, lake, options_of(args.option))
        except OSError as error:
            raise _advice(error, lake) from error
    except LandingError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
