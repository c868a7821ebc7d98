from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path

import pytest

from jobs.pseudonyms import KEY_FILE
from schemas.ops import OPS_RUN
from schemas.raw import RAW_CLICKSTREAM, RAW_TRANSACTIONS
from tests.faults import shop
from tests.jobs.clicks import CAP, DAYS, day
from tests.jobs.landed import D1


@pytest.fixture(scope="session")
def lake_at(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Callable[[str], Path]:
    """`lake_at(stage)`: the session's own lake of that stage; to be read, or copied."""
    return lambda stage: shop.make(stage, tmp_path_factory)


@pytest.fixture
def copy_of(lake_at: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """`copy_of(stage)`: a copy to break."""
    numbers = count()
    return lambda stage: shop.copy(lake_at(stage), tmp_path / f"lake{next(numbers)}")


@pytest.fixture
def night(run_job):
    """`night(as_of, first=None, **settings)`: ingest, and the tiles without which no later night begins."""

    def run(as_of: date, first: date | None = None, **given) -> None:
        run_job("ingest", as_of, first, **given)
        run_job("tile", as_of, first, **given)

    return run


@pytest.fixture
def told(make_run):
    """(source, new, duplicate, quarantined) by run, as `ops_run` tells it."""

    def read() -> dict[date, tuple[int, ...]]:
        rows = make_run(D1).read(OPS_RUN).collect()
        assert all(
            row.file_row_count == row.new_row_count + row.duplicate_row_count + row.quarantined_row_count
            for row in rows
        )
        return {r.ingest_date: (r.new_row_count, r.duplicate_row_count, r.quarantined_row_count) for r in rows}

    return read


@pytest.fixture
def raw(make_run):
    """(event_id, ingest_date, source_file) of `raw_transactions`, sorted."""

    def read() -> list[tuple[str, date, str]]:
        rows = make_run(D1).read(RAW_TRANSACTIONS).collect()
        return sorted((row.event_id, row.ingest_date, row.source_file.rsplit("/", 1)[1]) for row in rows)

    return read


@pytest.fixture
def clicked_shop(make_run, frame, tmp_path):
    """`clicked_shop(rows, name)`: a lake of raw clicks; returns `run(first, last)`, its nights by number."""

    def make(rows: list[dict], name: str = "clicked"):
        lake = tmp_path / name
        lake.mkdir(exist_ok=True)
        (lake / KEY_FILE).write_text("one key")

        def run(first: int, last: int | None = None):
            return make_run(day(first), day(first if last is None else last), lake=lake, identity_component_cap=CAP)

        run(0, DAYS).replace(frame(RAW_CLICKSTREAM, *rows), RAW_CLICKSTREAM)
        return run

    return make
