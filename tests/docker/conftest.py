"""The scripts beside the Dockerfile, which are in no package, as modules."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

DOCKER = Path(__file__).resolve().parents[2] / "docker"


def load(name: str) -> ModuleType:
    """Import one script from its file."""
    spec = importlib.util.spec_from_file_location(f"docker_{name}", DOCKER / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def make_env() -> ModuleType:
    return load("make_env")


@pytest.fixture(scope="session")
def healthcheck() -> ModuleType:
    return load("healthcheck")
