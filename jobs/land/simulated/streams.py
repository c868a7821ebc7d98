"""Random streams by name. Each part of the shop draws from its own, so any day can be made alone."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def stream(seed: int, part: str, *keys: int) -> np.random.Generator:
    """The generator of one part of one day or customer block; crc32 because `hash` differs between processes."""
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(part.encode()), *keys]))


def pick(rng: np.random.Generator, weights: FloatArray) -> IntArray:
    """One column for each row of a matrix of weights, in proportion to them."""
    reach = np.cumsum(weights, axis=1)
    draw = rng.random(len(weights)) * reach[:, -1]
    return np.minimum((reach < draw[:, None]).sum(axis=1), weights.shape[1] - 1).astype(np.int64)


def ragged(lengths: IntArray) -> tuple[IntArray, IntArray]:
    """Rows of a ragged table: for each row its owner and its place within the owner."""
    owner = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    starts = np.cumsum(lengths) - lengths
    return owner, np.arange(len(owner), dtype=np.int64) - starts[owner]
