"""What every test may use: shared data, one engine session, runs on a lake of their own, rows by contract."""

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

# A busy machine is no fault of the code: no example has a time limit.
hypothesis.settings.register_profile("nightjar", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("nightjar")

os.environ["TZ"] = "UTC"  # collected timestamps come in the process's zone
time.tzset()

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.tables import Run
    from schemas.contract import Table

REPOSITORY = Path(__file__).resolve().parents[1]

Row = Mapping[str, Any]
RUN_SEED = "CHAOS_SEED_OF_THIS_RUN"  # one for all processes of a run; NIGHTJAR_CHAOS_SEED repeats it


def pytest_configure() -> None:
    """Draw the seed of moments at which jobs are killed."""
    drawn = os.environ.get("NIGHTJAR_CHAOS_SEED") or str(random.SystemRandom().randrange(10**6))
    os.environ.setdefault(RUN_SEED, drawn)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print it, also where all went well."""
    terminalreporter.write_line(f"jobs were killed at moments drawn by NIGHTJAR_CHAOS_SEED={os.environ[RUN_SEED]}")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of public data sets; tests that need it are skipped where it is absent."""
    place = os.environ.get("NIGHTJAR_SHARED_DATA")
    folder = Path(place) if place else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}; set NIGHTJAR_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def spark() -> "SparkSession":
    """The one Sail session of this process."""
    from jobs.engine import get_spark
    from jobs.settings import Settings

    return get_spark(Settings(engine="sail", spark_remote=None))


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process without NIGHTJAR_* variables and without settings read before."""
    from jobs.settings import get_settings

    for name in [name for name in os.environ if name.startswith("NIGHTJAR_")]:
        monkeypatch.delenv(name)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Folder of this test's shop, empty."""
    folder = tmp_path / "lake"
    folder.mkdir()
    return folder


@pytest.fixture
def make_run(lake: Path, no_settings: None, spark: "SparkSession") -> Callable[..., "Run"]:
    """`make_run(first, as_of, **settings)`: a run on this test's lake; `as_of` is `first` unless given."""
    from jobs.settings import Settings
    from jobs.tables import Run

    def make(first: date, as_of: date | None = None, **settings: Any) -> Run:
        return Run(as_of_date=as_of or first, first=first, settings=Settings(**{"lake": lake, **settings}))

    return make


@pytest.fixture
def run_job(
    lake: Path, no_settings: None, spark: "SparkSession", monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """`run_job(name, as_of, first=None, *options, lake=…, **settings)`: a job's `main`, in this process."""
    from jobs.settings import get_settings

    of_test = lake

    def run(name: str, as_of: date, first: date | None = None, *options: str, **given: Any) -> None:
        settings = {"lake": of_test, **given}
        with monkeypatch.context() as environment:
            for key, value in settings.items():
                environment.setenv(f"NIGHTJAR_{key.upper()}", str(value))
            get_settings.cache_clear()
            stretch = ["--from", str(first)] if first else []
            import_module(f"jobs.{name}").main(["--as-of", str(as_of), *stretch, *options])
        get_settings.cache_clear()

    return run


@pytest.fixture
def frame(spark: "SparkSession") -> Callable[..., "DataFrame"]:
    """`frame(table, row, …)`: a frame of the contract's columns, each row filled up by the contract's factory."""
    return lambda table, *rows: spark.createDataFrame(table.rows(*rows), table.struct)


@pytest.fixture(scope="session")
def assert_rows() -> Callable[..., None]:
    """`assert_rows(actual, expected, table=None)`: the same rows in any order, of the same columns and types.

    `expected` is a frame or a list of dicts. With a table, dicts are filled up by its factory, the actual rows are
    typed as a write of the table types them, and must keep its rules and its key; `expected` None asks for no more
    than that. Floats are equal to 1e-9.
    """
    return _assert_rows


def _assert_rows(
    actual: "DataFrame", expected: "DataFrame | list[dict[str, Any]] | None", table: "Table | None" = None
) -> None:
    if table is not None:
        from jobs.checked_rows import checked_rows

        actual = checked_rows(actual, table)  # a broken rule fails the collect below, by name
    found = [row.asDict() for row in actual.collect()]
    if expected is None:
        wanted = found
    elif not isinstance(expected, list):
        assert [(f.name, f.dataType) for f in actual.schema] == [(f.name, f.dataType) for f in expected.schema]
        wanted = [row.asDict() for row in expected.collect()]
    elif table is not None:
        wanted = [dict(zip(table.column_names, row, strict=True)) for row in table.rows(*expected)]
    else:
        wanted = expected
    assert _comparable(found) == _comparable(wanted)
    if table is not None:
        keys = [tuple(row[name] for name in table.key) for row in found]
        assert len(keys) == len(set(keys)), f"{table.name}: key {table.key} is not unique"


def _comparable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    plain = [{name: _plain(value) for name, value in sorted(row.items())} for row in rows]
    return sorted(plain, key=repr)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, float):
        return float(f"{value:.9g}") + 0.0  # -0.0 is 0.0
    return value


@pytest.fixture(scope="session")
def spark_connect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """sc:// URL of an Apache Spark server with Delta, in a JVM of its own; tests that use it are marked `spark`."""
    from jobs import spark_server
    from jobs.settings import Settings

    jars = Path(os.environ.get("NIGHTJAR_SPARK_JARS") or REPOSITORY / ".jars")
    if problem := spark_server.spark_problem(jars):
        pytest.skip(problem)
    # A few hundred rows a plan: compiling each plan costs many times what running it does.
    interpreted = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
    settings = Settings(
        engine="spark",
        lake=tmp_path_factory.mktemp("spark"),
        spark_jars=jars,
        spark_master="local[2]",
        spark_remote=None,
        spark_conf=interpreted,
    )
    address = spark_server.start(settings)
    try:
        yield address
    finally:
        _close_session(address)
        spark_server.stop(settings)


def _close_session(url: str) -> None:
    """Else the client tries for minutes to tell a server that is gone that it leaves."""
    from jobs import engine

    session = engine._sessions.pop(url, None)
    if session is not None:
        session.stop()
