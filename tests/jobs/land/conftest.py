"""Until tests/conftest.py says the same for all."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    place = os.environ.get("NIGHTJAR_SHARED_DATA")
    folder = Path(place) if place else Path(__file__).parents[4] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}")
    return folder
