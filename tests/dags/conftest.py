"""Airflow gets a home of its own, in a temporary folder, before anything imports it."""

import atexit
import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DAGS = REPOSITORY / "dags"

_home = tempfile.mkdtemp(prefix="nightjar-airflow-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
for name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
    del os.environ[name]
os.environ |= {
    "AIRFLOW_HOME": _home,
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
    "AIRFLOW_CONN_SPARK_DEFAULT": '{"conn_type": "spark", "host": "local[*]"}',
}
sys.path.append(str(DAGS))

DAG_IDS = ("erase_customers", "maintain_tables", "nightly", "train_models")
LoadDags = Callable[..., dict[str, Any]]


@pytest.fixture
def load_dags(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoadDags]:
    """Import the DAG files afresh under given environment variables, as a process started with them would."""

    for name in [name for name in os.environ if name.startswith("NIGHTJAR_")]:
        monkeypatch.delenv(name)

    def load(**environment: str) -> dict[str, Any]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for module in ("tasks", *DAG_IDS):
            monkeypatch.delitem(sys.modules, module, raising=False)
        return {dag_id: importlib.import_module(dag_id).dag for dag_id in DAG_IDS}

    yield load
    for module in ("tasks", *DAG_IDS):
        sys.modules.pop(module, None)


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Create Airflow's tables once."""
    from airflow.utils.db import initdb

    initdb()
