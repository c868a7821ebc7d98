"""Every job of the night, killed with SIGKILL amid its work and run again, leaves the rows of a quiet night.

The moments are drawn by chance, half by the files written and half by the time gone; NIGHTJAR_CHAOS_SEED repeats them.
`-m chaos` kills every job more often: `docs/chaos.md` has what came of it.
"""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults import shop
from tests.faults.compare import Versions, assert_same, versions
from tests.faults.kill import files_of, kill_in_the_middle
from tests.faults.shop import NIGHTLY, TRAINED, Job

CHAOS_KILLS = 5
MANY_KILLS = {"ingest": 20, "conform": 20}  # whose rows nobody could make again
ANYWHERE = [(job, kill) for job in NIGHTLY for kill in range(MANY_KILLS.get(job[0], CHAOS_KILLS))]
MODELS = {"rfm", "embedding", "churn", "clv", "btyd", "review_text", "product_vectors", "session_patterns"}
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Quiet:
    """A night that no one disturbed: its lake, the lake before each job, where the tables stood after it, and how many
    files it wrote."""

    lake: Path
    before: dict[Job, Path]
    after: dict[Job, Versions]
    written: dict[Job, int]


@pytest.fixture(scope="module")
def quiet(lake_at: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Quiet:
    scratch = tmp_path_factory.mktemp("quiet")
    lake = shop.copy(lake_at("published"), scratch / "lake")
    night = Quiet(lake, {}, {}, {})
    for job in NIGHTLY:
        night.before[job] = shop.copy(lake, scratch / "-".join(job))
        there = files_of(lake)
        shop.run(lake, job)
        night.after[job] = versions(lake)
        night.written[job] = len(files_of(lake) - there)
    return night


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def assert_same_files(lake: Path, quiet: Quiet) -> None:
    """The same campaign files to the byte, the same reports; those also tell when tables were last written."""
    assert contents(lake / "exports") == contents(quiet.lake / "exports")
    assert set(contents(lake / "reports")) == set(contents(quiet.lake / "reports"))


def assert_nothing_left_over(lake: Path) -> None:
    """No scratch of a killed job is left once the job has run."""
    assert not [path for path in (lake / "exports").rglob("*") if ".partial" in path.name or ".old" in path.name]
    assert not (lake / "_staging" / "ingest").exists() and not (lake / ".ingesting").exists()


@pytest.fixture(scope="module")
def disturbed(quiet: Quiet, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The lake of the disturbed night, last in the list; each job goes on from what the one before it left."""
    return [shop.copy(quiet.before[NIGHTLY[0]], tmp_path_factory.mktemp("disturbed") / "lake")]


@pytest.mark.parametrize("job", NIGHTLY, ids="-".join)
def test_a_night_whose_every_job_was_killed_once_leaves_the_same_rows(
    job: Job, quiet: Quiet, disturbed: list[Path], chance: random.Random, tmp_path: Path
) -> None:
    left, moment = kill_in_the_middle(disturbed[-1], job, quiet.written[job], chance, tmp_path)
    print(f"{' '.join(job)} killed {moment}")
    disturbed.append(left)
    shop.run(left, job)
    assert_same(left, quiet.lake, quiet.after[job])
    assert_nothing_left_over(left)
    if job == NIGHTLY[-1]:
        assert_same_files(left, quiet)


def test_the_same_night_run_twice_leaves_the_same_rows(quiet: Quiet, tmp_path: Path) -> None:
    lake = shop.copy(quiet.lake, tmp_path / "lake")
    shop.run_all(lake, NIGHTLY)
    assert_same(lake, quiet.lake, quiet.after[NIGHTLY[-1]])
    assert_same_files(lake, quiet)
    assert_nothing_left_over(lake)


def champions(lake: Path) -> dict[str, tuple[str, ...]]:
    """Content of every registered version by model, the champion's first."""
    uri = f"sqlite:///{lake / 'models' / 'mlflow.db'}"
    query = """
        SELECT v.name, t.value FROM model_versions v
        JOIN model_version_tags t ON t.name = v.name AND t.version = v.version AND t.key = 'content_sha256'
        LEFT JOIN registered_model_aliases a ON a.name = v.name AND a.version = v.version AND a.alias = 'champion'
        WHERE v.current_stage <> 'Deleted_Internal' ORDER BY v.name, a.alias IS NULL
    """
    found: dict[str, tuple[str, ...]] = {}
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as database:
        for name, content in database.execute(query):
            found[name] = (*found.get(name, ()), content)
    return found


def train_killed(trained: Path, chance: random.Random, scratch: Path) -> Path:
    """A lake whose first training was killed."""
    untrained = shop.copy(trained, scratch / "untrained")
    written = len(files_of(untrained))
    shutil.rmtree(untrained / "models")
    written -= len(files_of(untrained))
    left, moment = kill_in_the_middle(untrained, ("train",), written, chance, scratch, TRAINED)
    print(f"train killed {moment}")
    return left


def test_a_training_killed_and_run_again_registers_the_same_models_once(
    lake_at: Callable[[str], Path], chance: random.Random, tmp_path: Path
) -> None:
    left = train_killed(lake_at("trained"), chance, tmp_path)
    shop.run(left, ("train",), TRAINED)
    assert champions(left) == champions(lake_at("trained"))
    assert set(champions(left)) == MODELS


@pytest.mark.chaos
@pytest.mark.parametrize("kill", range(CHAOS_KILLS))
def test_a_training_killed_anywhere_registers_the_same_models_once(
    kill: int, lake_at: Callable[[str], Path], chance: random.Random, tmp_path: Path
) -> None:
    left = train_killed(lake_at("trained"), chance, tmp_path)
    shop.run(left, ("train",), TRAINED)
    assert champions(left) == champions(lake_at("trained"))


@pytest.mark.chaos
@pytest.mark.parametrize(
    ("job", "kill"), ANYWHERE, ids=lambda value: str(value) if isinstance(value, int) else "-".join(value)
)
def test_a_job_killed_anywhere_and_run_again_leaves_the_same_rows(
    job: Job, kill: int, quiet: Quiet, chance: random.Random, tmp_path: Path
) -> None:
    by_time = kill % 2 == 1
    left, moment = kill_in_the_middle(quiet.before[job], job, quiet.written[job], chance, tmp_path, by_time=by_time)
    print(f"{' '.join(job)} killed {moment}")
    shop.run(left, job)
    assert_same(left, quiet.lake, quiet.after[job])
    if kill == 0:
        shop.run_all(left, NIGHTLY[NIGHTLY.index(job) + 1 :])
        assert_same(left, quiet.lake, quiet.after[NIGHTLY[-1]])
    assert_nothing_left_over(left)
    shutil.rmtree(tmp_path)  # a lake a kill: dozens would fill a disk
