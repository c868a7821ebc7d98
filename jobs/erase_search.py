"""Find an id in any file of a lake, unpacked: the proof that an erasure left nothing."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

# A shorter id is part of too many words and bytes; in free bytes it counts only as a value, in quotes or tags.
WORD_LENGTH = 6
NOT_SEARCHED = (".pseudonym-key", "truth")  # the truth of a simulated shop is about nobody
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_WORD = re.compile(rb"[0-9A-Za-z_\-]+")


class Finder:
    """Tells whether bytes name one of some ids, as a whole word. `shortest`: of an id that counts without quotes."""

    def __init__(self, ids: set[str], shortest: int = 1) -> None:
        coded = {one.encode() for one in ids}
        bare = {one for one in coded if len(one) >= shortest}
        self._words = {one for one in bare if _WORD.fullmatch(one)}  # looked up, however many they are
        parts = [rb"(?<![\w-])" + re.escape(one) + rb"(?![\w-])" for one in sorted(bare - self._words)]
        parts += [rb"(?<=[\"'>\x00])" + re.escape(one) + rb"(?=[\"'<\x00\\])" for one in sorted(coded - bare)]
        self._others = re.compile(b"|".join(parts)) if parts else None

    def finds(self, text: bytes) -> bool:
        """Whether one of the ids stands in the text."""
        if self._words and not self._words.isdisjoint(_WORD.findall(text)):
            return True
        return bool(self._others and self._others.search(text))


@dataclass
class Searched:
    """What a search went through and found."""

    files: int = 0
    found: int = 0
    first: str = ""


def search(lake: Path, customers: set[str], hashes: set[str]) -> Searched:
    """Look for customers, and plain SHA-256 hashes of their ids, in every file of the lake, unpacked.

    The list of the refused holds keyed hashes and is meant to; they are looked for everywhere else.
    """
    plain = {hashlib.sha256(one.encode()).hexdigest() for one in customers}
    without_keyed, result = Finder(customers | plain, WORD_LENGTH), Searched()
    anything = Finder(customers | plain | hashes, WORD_LENGTH)
    for path in sorted(lake.rglob("*")):
        if not path.is_file() or path.relative_to(lake).parts[0] in NOT_SEARCHED:
            continue
        result.files += 1
        finder = without_keyed if "ops_erased_customer" in path.parts else anything
        if any(finder.finds(text) for text in texts_of(path)):
            result.found += 1
            result.first = result.first or str(path)
    return result


def texts_of(path: Path) -> Iterator[bytes]:
    """A file's content in pieces to search: values of Parquet columns, unpacked text, else the bytes."""
    if path.suffix == ".parquet":
        try:
            yield from _parquettexts_of(path)
            return
        except (OSError, pa.ArrowInvalid):
            pass
    if path.suffix in COMPRESSIONS:
        try:
            with pa.input_stream(str(path), compression="detect") as stream:
                yield stream.read()
            return
        except (OSError, pa.ArrowInvalid):
            pass
    yield path.read_bytes()


def _parquettexts_of(path: Path) -> Iterator[bytes]:
    """Distinct texts of a Parquet file, each between zero bytes, a row group at a time."""
    file = pq.ParquetFile(path)
    for group in range(file.num_row_groups):
        for column in file.read_row_group(group).columns:
            for chunk in column.chunks:
                for texts in _texts_in(chunk):
                    values = texts.unique().to_pylist()
                    yield b"\x00" + b"\x00".join(one.encode() for one in values if one is not None) + b"\x00"


def _texts_in(values: pa.Array) -> Iterator[pa.Array]:
    """Arrays of texts in an array: itself, or those in its lists, records and maps."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        yield values
    elif pa.types.is_map(values.type):
        yield from _texts_in(values.keys)
        yield from _texts_in(values.items)
    elif pa.types.is_struct(values.type):
        for inner in values.flatten():
            yield from _texts_in(inner)
    elif pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        yield from _texts_in(values.values)
