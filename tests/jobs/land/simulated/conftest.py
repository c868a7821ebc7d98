"""Small shops, made once, and their landing files read back with nothing but the standard library and pandas."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from jobs.land.simulated import ShopConfig, generate

FAULTY = ShopConfig(
    customers=400,
    days=60,
    orders_per_month=3.0,
    late_share=0.1,
    duplicate_share=0.08,
    malformed_share=0.05,
    return_share=0.2,
    bot_share=0.05,
    drift=0.8,
)
CLEAN = ShopConfig(
    customers=600,
    days=120,
    orders_per_month=5.0,
    late_share=0.0,
    duplicate_share=0.0,
    malformed_share=0.0,
    bot_share=0.0,
    seed=7,
)

Read = Callable[[Path, str], pd.DataFrame]


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lake of a short shop in which everything goes wrong."""
    lake = tmp_path_factory.mktemp("faulty")
    generate(FAULTY, lake, workers=1)
    return lake


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lake of a longer shop without faults."""
    lake = tmp_path_factory.mktemp("clean")
    generate(CLEAN, lake, workers=1)
    return lake


@pytest.fixture(scope="session")
def faulty_config() -> ShopConfig:
    return FAULTY


@pytest.fixture(scope="session")
def clean_config() -> ShopConfig:
    return CLEAN


@pytest.fixture(scope="session")
def read_landing() -> Read:
    """All rows of one source as text, with `dt`; lines that are no JSON have only `dt` and `broken_line`."""
    cache: dict[tuple[Path, str], pd.DataFrame] = {}

    def read(lake: Path, source: str) -> pd.DataFrame:
        if (lake, source) not in cache:
            parts = [_read_file(path) for path in sorted((lake / "landing" / source).glob("dt=*/*"))]
            cache[lake, source] = pd.concat(parts, ignore_index=True)
        return cache[lake, source]

    return read


def _read_file(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    elif path.suffix == ".parquet":
        rows = pd.read_parquet(path)
    else:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        rows = pd.DataFrame([_parse(line) for line in content.decode().splitlines()])
    return rows.assign(dt=path.parent.name.removeprefix("dt="))


def _parse(line: str) -> dict[str, object]:
    try:
        parsed: dict[str, object] = json.loads(line)
    except json.JSONDecodeError:
        return {"broken_line": line}
    return parsed


@pytest.fixture(scope="session")
def truth() -> Read:
    """One table of the truth."""
    return lambda lake, name: pd.read_parquet(lake / "truth" / f"{name}.parquet")


@pytest.fixture(scope="session")
def digests() -> Callable[[Path], dict[str, str]]:
    """Hash of each file below a folder."""
    return lambda folder: {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
