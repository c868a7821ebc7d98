"""Versions of models in MLflow (any tracking URI; SQLite and files by default), with one champion per name.

Registering imports MLflow, three seconds once a week. Loading, which every night does, reads SQLite directly instead:
one query, milliseconds. A test holds that query against MLflow's own answer.
"""

import hashlib
import json
import logging
import math
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlparse

from models.base import Model

CHAMPION = "champion"
EXPERIMENT = "nightjar"
_SQLITE = "sqlite:///"
_CHAMPION_QUERY = """
    SELECT v.version, v.source FROM registered_model_aliases a
    JOIN model_versions v ON v.name = a.name AND v.version = a.version
    WHERE a.name = ? AND a.alias = ?
"""
_VERSION_QUERY = "SELECT run_id FROM model_versions WHERE name = ? AND version = ?"
_TAGS_QUERY = "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?"
_METRICS_QUERY = "SELECT key, value FROM latest_metrics WHERE run_uuid = ? AND is_nan = 0"
logger = logging.getLogger(__name__)
M = TypeVar("M")


class UnreadableModelError(Exception):
    """A registered model's files are not those that were registered, or the database is no database."""


@dataclass(frozen=True)
class Described:
    """What is known of a registered version: its metrics, and the tags that it was registered with."""

    metrics: dict[str, float]
    tags: dict[str, str]


def register(
    name: str,
    model: Model,
    *,
    tracking_uri: str,
    training_key: str,
    metrics: Mapping[str, float] | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Keep a trained model as the champion of its name and return its version.

    `training_key` names what it was trained from (dates, data, code). A rerun that trains the same model keeps the
    version it has; one that trains another model under the same key puts it in the old one's place.
    """
    started = time.monotonic()
    client = _client(tracking_uri)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder))
        content = _content_hash(Path(folder))
        earlier = _versions_of(client, name, training_key)
        version = next((str(v.version) for v in earlier if v.tags.get("content_sha256") == content), None)
        if version is None:
            told = {
                **(tags or {}),
                "training_key": training_key,
                "content_sha256": content,
                "seed": str(model.seed),
                "feature_names": json.dumps(model.feature_names),
            }
            measured = {**model.metrics, **(metrics or {})}
            run_id = _log_run(client, name, measured, told, tracking_uri)
            client.log_artifacts(run_id, folder, "model")
            client.set_terminated(run_id)
            source = f"{client.get_run(run_id).info.artifact_uri}/model"
            created = client.create_model_version(name, source, run_id, tags=told, await_creation_for=0)
            version = str(created.version)  # an int or a text, by the store
    client.set_registered_model_alias(name, CHAMPION, version)
    for old in earlier:
        if str(old.version) != version:
            _delete(client, old, tracking_uri)
    logger.info("step=register model=%s version=%s seconds=%.1f", name, version, time.monotonic() - started)
    return version


def load_champion(name: str, loader: Callable[[Path], M], tracking_uri: str) -> tuple[M, str] | None:
    """Return the champion, read by `loader` (a model's `load`), and its version; None where none is registered."""
    try:
        found = _find_in_sqlite(name, tracking_uri) if tracking_uri.startswith(_SQLITE) else _find(name, tracking_uri)
        if found is None:
            return None
        version, source = found
        told = describe(name, version, tracking_uri)
    except sqlite3.OperationalError:
        raise  # locked, or out of reach: another try may do
    except sqlite3.DatabaseError as error:
        raise UnreadableModelError(f"the models' database can't be read ({error}); restore it or train again") from None
    folder = _local_folder(source, tracking_uri)
    content = told.tags.get("content_sha256") if told else None
    # Before anything is parsed: a file that somebody put in a model's place is never loaded.
    if content and content != _content_hash(folder):
        raise UnreadableModelError(
            f"model {name}-{version} can't be read ({folder} does not hold what was registered); train again"
        )
    return loader(folder), version


def _find_in_sqlite(name: str, tracking_uri: str) -> tuple[str, str] | None:
    database = Path(tracking_uri.removeprefix(_SQLITE))
    if not database.exists():
        return None
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        row = connection.execute(_CHAMPION_QUERY, (name, CHAMPION)).fetchone()
    return (str(row[0]), str(row[1])) if row else None


def describe(name: str, version: str, tracking_uri: str) -> Described | None:
    """Return metrics and tags of a version; None where it is not registered (any more)."""
    if not tracking_uri.startswith(_SQLITE):
        return _describe(name, version, tracking_uri)
    database = Path(tracking_uri.removeprefix(_SQLITE))
    if not database.exists():
        return None
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        row = connection.execute(_VERSION_QUERY, (name, version)).fetchone()
        if row is None:
            return None
        tags = dict(connection.execute(_TAGS_QUERY, (name, version)).fetchall())
        return Described(dict(connection.execute(_METRICS_QUERY, row).fetchall()), tags)


def _describe(name: str, version: str, tracking_uri: str) -> Described | None:
    from mlflow.exceptions import MlflowException

    client = _client(tracking_uri)
    try:
        found = client.get_model_version(name, version)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    return Described(dict(client.get_run(found.run_id).data.metrics), dict(found.tags))


def _find(name: str, tracking_uri: str) -> tuple[str, str] | None:
    from mlflow.exceptions import MlflowException

    client = _client(tracking_uri)
    try:
        found = client.get_model_version_by_alias(name, CHAMPION)
    except MlflowException as error:
        # A model never registered and one whose alias was taken away are the same answer, under two codes.
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    return str(found.version), str(found.source)


def _client(tracking_uri: str) -> Any:
    """Open the store quietly: no telemetry, no word about tables being created."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    for noisy in ("mlflow", "mlflow.store.db.utils", "alembic", "alembic.runtime.migration"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if tracking_uri.startswith(_SQLITE):
        _make_database(Path(tracking_uri.removeprefix(_SQLITE)))
    return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


def _make_database(database: Path) -> None:
    """Make a missing database aside and let it appear whole.

    MLflow makes the tables in some forty migrations, and can't go on from the middle of one that was killed.
    """
    if database.exists():
        return
    from mlflow import MlflowClient

    aside = database.parent / ".new"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    uri = f"{_SQLITE}{aside / database.name}"
    MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments()  # the first question makes all tables
    (aside / database.name).replace(database)
    aside.rmdir()


def _versions_of(client: Any, name: str, training_key: str) -> list[Any]:
    """Return the versions trained from the same key, making the name known if it is new."""
    if not client.search_registered_models(filter_string=f"name = '{name}'"):
        client.create_registered_model(name)
        return []
    versions = client.search_model_versions(f"name = '{name}'", max_results=1000)
    return [version for version in versions if version.tags.get("training_key") == training_key]


def _log_run(
    client: Any,
    name: str,
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    tracking_uri: str,
) -> str:
    """Write one finished run's facts in one call and return its id."""
    from mlflow.entities import Metric, RunTag

    experiment = client.get_experiment_by_name(EXPERIMENT)
    artifacts = _artifacts_beside(tracking_uri)
    location = artifacts.absolute().as_uri() if artifacts else None
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(EXPERIMENT, location)
    if experiment and location and experiment.artifact_location != location:
        _move_experiment(tracking_uri, experiment_id, location)
    run_id: str = client.create_run(experiment_id, run_name=name).info.run_id
    now = int(time.time() * 1000)
    client.log_batch(
        run_id,
        [Metric(key, float(value), now, 0) for key, value in metrics.items() if math.isfinite(value)],
        tags=[RunTag(key, value[:5000]) for key, value in tags.items()],
    )
    return run_id


def _delete(client: Any, version: Any, tracking_uri: str) -> None:
    """Remove a replaced version with its run and its files; of a copied lake, the copy's."""
    client.delete_model_version(version.name, version.version)
    client.delete_run(version.run_id)
    if urlparse(version.source).scheme == "file":
        folder, beside = _local_folder(version.source, tracking_uri), _artifacts_beside(tracking_uri)
        if beside is None or folder.is_relative_to(beside):
            shutil.rmtree(folder, ignore_errors=True)


def _move_experiment(tracking_uri: str, experiment_id: str, location: str) -> None:
    """Let runs of a copied lake keep their files beside its own database; MLflow has no call for it."""
    with closing(sqlite3.connect(tracking_uri.removeprefix(_SQLITE))) as database, database:
        database.execute(
            "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (location, int(experiment_id))
        )


def forget_run(run_id: str, tracking_uri: str) -> list[str]:
    """Remove the versions that a run registered, with its files; returns the models' names."""
    client = _client(tracking_uri)
    versions = client.search_model_versions(f"run_id = '{run_id}'") if run_id.isalnum() else []
    for version in versions:
        _delete(client, version, tracking_uri)
    return sorted({version.name for version in versions})


def _content_hash(folder: Path) -> str:
    """Hash names and bytes of all files, in order."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _artifacts_beside(tracking_uri: str) -> Path | None:
    """Keep files beside the database; a tracking server knows its own place."""
    return Path(tracking_uri.removeprefix(_SQLITE)).parent / "artifacts" if tracking_uri.startswith(_SQLITE) else None


def _path_of(source: str) -> Path:
    return Path(unquote(urlparse(source).path))


def _local_folder(source: str, tracking_uri: str) -> Path:
    """Find the files of a version: where they were written, or beside a database that was moved with them."""
    if urlparse(source).scheme not in ("", "file"):
        from mlflow.artifacts import download_artifacts

        return Path(download_artifacts(artifact_uri=source, tracking_uri=tracking_uri))
    written = _path_of(source)
    beside = _artifacts_beside(tracking_uri)
    moved = beside.joinpath(*written.parts[-3:]) if beside else written  # <run id>/artifacts/model
    return moved if moved.exists() else written  # a copied lake reads its own files, not the original's
