"""A night's features as the benchmark times them: `tile`, then the customers' snapshot, in one new process.

python -m tests.benchmarks.features_step history|before|night LAKE
"""

import os
import sys
from datetime import date, timedelta
from pathlib import Path

from tests.benchmarks.features_peers import DAY

BEFORE = DAY - timedelta(days=1)
DAYS_AT_ONCE = 61


def history(first: date) -> None:
    """Tiles of all days before the night, some weeks at a time."""
    from jobs import tile

    while first < DAY:
        last = min(first + timedelta(days=DAYS_AT_ONCE - 1), BEFORE)
        tile.main(["--from", str(first), "--as-of", str(last)])
        first = last + timedelta(days=1)


def snapshot(day: date) -> None:
    """The customers' snapshot."""
    from jobs import runtime
    from jobs.snapshot import write_customers

    write_customers(runtime.open_run(day, day), [day])


def night() -> None:
    """What the night's run adds: tiles and snapshot."""
    from jobs import tile

    tile.main(["--as-of", str(DAY)])
    snapshot(DAY)


if __name__ == "__main__":
    what, lake = sys.argv[1], Path(sys.argv[2])
    os.environ["NIGHTJAR_LAKE"] = str(lake)
    if what == "history":
        history(date.fromisoformat(sys.argv[3]))
    elif what == "before":
        snapshot(BEFORE)
    else:
        night()
    sys.stdout.flush()
    os._exit(0)
