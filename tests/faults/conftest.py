import os
import random
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.conftest import RUN_SEED
from tests.faults import shop


@pytest.fixture(scope="session")
def lake_at(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Callable[[str], Path]:
    """`lake_at(stage)`: the session's own lake of that stage; to be read, or copied."""
    return lambda stage: shop.make(stage, tmp_path_factory)


@pytest.fixture
def copy_of(lake_at: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """`copy_of(stage)`: a copy to break."""
    numbers = count()
    return lambda stage: shop.copy(lake_at(stage), tmp_path / f"lake{next(numbers)}")


@pytest.fixture(scope="module")
def chance() -> random.Random:
    """Draws the moments of a module's kills."""
    return random.Random(os.environ[RUN_SEED])
