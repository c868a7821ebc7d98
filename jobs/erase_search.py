"""Find an id in any file of a lake, unpacked: the proof that an erasure left nothing."""

import hashlib
import os
import re
from collections.abc import Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from features.landing import file_format
from jobs.erase_note import UNFINISHED
from jobs.erase_texts import CUSTOMER_COLUMNS, csv_customers, files_below, texts_of
from jobs.erase_words import Words, is_distinctive, spellings
from jobs.pseudonyms import KEY_FILE

# The truth of a simulated shop is about nobody; the note of an erasure holds keyed hashes, and goes at its end.
NOT_SEARCHED = (KEY_FILE, UNFINISHED, "truth")
REFUSED = "ops_erased_customer"  # holds the keyed hashes, and is meant to


class Finder:
    """Tells whether a piece of a file names one of some ids.

    An id that is short or a mere number may be any other word: it counts where a customer column holds it, in a table
    or as a JSON key.
    """

    def __init__(self, ids: Set[str]) -> None:
        distinctive = {one for one in ids if is_distinctive(one)}
        self._words = Words(spellings(distinctive))
        self.others = Words(one.encode() for one in ids - distinctive)
        parts = b"|".join(re.escape(one.encode()) for one in sorted(ids - distinctive))
        columns = "|".join(sorted(CUSTOMER_COLUMNS)).encode()
        after_key = rb"(?:" + columns + rb')\\*"\s*:\s*\\*"?(?:' + parts + rb")(?![\w-])"
        self._after_key = re.compile(after_key) if parts else None

    def finds(self, text: bytes, column: str = "") -> bool:
        """Whether one of the ids stands in the text."""
        if self._words.finds(text):
            return True
        if column in CUSTOMER_COLUMNS and self.others.finds(text):
            return True
        return bool(self._after_key and self._after_key.search(text))

    def finds_in(self, path: Path) -> bool:
        """Whether a file names one of the ids, anywhere in it."""
        if any(self.finds(text, column) for column, text in texts_of(path)):
            return True
        return bool(self.others and file_format(path) == "csv") and any(
            self.finds(text, name) for name, text in csv_customers(path)
        )


@dataclass(frozen=True)
class Searched:
    """What a search went through, and the files in which it found somebody."""

    files: int
    found: tuple[Path, ...]


def search(lake: Path, people: Set[str], hashes: Set[str]) -> Searched:
    """Look for people (ids, e-mail addresses), and plain SHA-256 hashes of these, in every file of the lake, unpacked,
    and in its name.

    `hashes` are keyed ones; they are looked for everywhere but in the list of the refused.
    """
    plain = {hashlib.sha256(spelt.encode()).hexdigest() for one in people for spelt in (one, one.lower())}
    anywhere, in_list = Finder(people | plain | hashes), Finder(people | plain)
    paths = [path for path in sorted(files_below(lake)) if _is_searched(path.relative_to(lake))]

    def has_somebody(path: Path) -> bool:
        finder = in_list if REFUSED in path.parts else anywhere
        return finder.finds(str(path.relative_to(lake)).encode("utf-8", "surrogateescape")) or finder.finds_in(path)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [path for path, hit in zip(paths, pool.map(has_somebody, paths), strict=True) if hit]
    return Searched(len(paths), tuple(found))


def _is_searched(path: Path) -> bool:
    return path.parts[0] not in NOT_SEARCHED
