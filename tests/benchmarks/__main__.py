"""`make bench`: measure, and write what was measured into docs/benchmarks.md, each figure with command, data and date.

A section is replaced only by a run of its own benchmark; `--only NAME` runs one.
"""

import argparse
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.benchmarks import (
    erasure,
    features,
    features_backfill,
    features_spark,
    forecasts,
    identity,
    ingest,
    night,
    patterns,
    products,
    reviews,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
BENCHMARKS = {
    "forecasts": forecasts.run,
    "night": night.run,
    **{f"features-{size}": partial(features.run, size) for size in features.SIZES},
    "features-spark": features_spark.run,
    "backfill": features_backfill.run,
    "ingest": ingest.run,
    "erase": erasure.run,
    "identity": identity.run,
    "reviews": reviews.run,
    "products": products.run,
    "patterns": patterns.run,
}


def main() -> None:
    """Run the benchmarks and keep their sections."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", choices=tuple(BENCHMARKS))
    given = parser.parse_args()
    for name in [given.only] if given.only else BENCHMARKS:
        began = datetime.now(UTC)
        section = BENCHMARKS[name]()
        command = f"python -m tests.benchmarks --only {name}"
        body = f"{section}\n\nMeasured {began:%Y-%m-%d} by `{command}`."
        PAGE.write_text(replaced(PAGE.read_text(), name, body))
        sys.stdout.write(body + "\n\n")


def replaced(page: str, name: str, body: str) -> str:
    """The page with the section of a benchmark replaced; its marks must be there."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    before, rest = page.split(begin, 1)
    after = rest.split(end, 1)[1]
    return f"{before}{begin}\n{body}\n{end}{after}"


if __name__ == "__main__":
    main()
