"""Find many ids at once in bytes, as whole words: with NumPy, some hundred megabytes a second.

A text is cut into words, runs of letters, digits, `_` and `-`. Of the words as long as one of the wanted, eight bytes
at a time make a number, and the numbers are looked up; what they hit is compared byte by byte.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Set

import numpy as np
import numpy.typing as npt

BLOCK_BYTES = 1 << 22  # of text at a time: what is reckoned of it stays in the cache
WORD_LENGTH = 6  # a shorter id is part of too many words and bytes
_MIX = np.uint64(0x9E3779B97F4A7C15)
_IS_WORD = np.zeros(256, bool)
_IS_WORD[np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-", np.uint8)] = True

_ESCAPE = re.compile(r"\\u([0-9a-f]{4})")

Numbers = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


class Words:
    """Some ids to look for. One that is more than a word, as an e-mail address is, is found by a word of it."""

    def __init__(self, ids: Iterable[bytes]) -> None:
        self._whole: dict[bytes, list[tuple[int, bytes]]] = {}  # word: where in which ids it stands
        self._plain: list[bytes] = []  # ids without a word in them
        counted = sorted(set(ids) - {b""})
        words = {one: _runs(one) for one in counted}
        often: dict[bytes, int] = {}
        for runs in words.values():
            for _, word in runs:
                often[word] = often.get(word, 0) + 1
        for one, runs in words.items():
            if runs:
                place, word = min(runs, key=lambda run: (often[run[1]], -len(run[1])))
                self._whole.setdefault(word, []).append((place, one))
            else:
                self._plain.append(one)
        lengths: dict[int, list[bytes]] = {}
        for word in self._whole:
            lengths.setdefault(len(word), []).append(word)
        self._numbers = {
            length: np.unique(_numbers(np.frombuffer(b"".join(found), np.uint8).reshape(-1, length)))
            for length, found in lengths.items()
        }

    def __bool__(self) -> bool:
        return bool(self._whole or self._plain)

    def places(self, text: bytes) -> Iterator[tuple[int, bytes]]:
        """(place, id) of each id that stands in the text, in no order."""
        for start, end in self._hits(text):
            word = text[start:end]
            for place, one in self._whole.get(word, ()):
                begin = start - place
                if word == one or _stands(text, begin, one):
                    yield begin, one
        for one in self._plain:
            begin = text.find(one)
            while begin >= 0:
                yield begin, one
                begin = text.find(one, begin + 1)

    def finds(self, text: bytes) -> bool:
        """Whether one of the ids stands in the text."""
        return next(self.places(text), None) is not None

    def _hits(self, text: bytes) -> Iterator[tuple[int, int]]:
        if not self._numbers:
            return
        whole = np.frombuffer(text, np.uint8)
        begin = 0
        while begin < len(whole):
            end = _block_end(whole, begin)
            starts, lengths = _words(whole[begin:end])
            for length, wanted in self._numbers.items():
                chosen = starts[lengths == length] + begin
                if not len(chosen):
                    continue
                numbers = _numbers(whole[chosen[:, None] + np.arange(length)])
                near = np.minimum(np.searchsorted(wanted, numbers), len(wanted) - 1)
                for start in chosen[wanted[near] == numbers].tolist():
                    yield start, start + length
            begin = end


def _block_end(whole: npt.NDArray[np.uint8], begin: int) -> int:
    """Where a block ends: not within a word."""
    end = min(begin + BLOCK_BYTES, len(whole))
    while end < len(whole) and _IS_WORD[whole[end]] and _IS_WORD[whole[end - 1]]:
        end += 1
    return end


def _words(block: npt.NDArray[np.uint8]) -> tuple[Places, Places]:
    """Where the words of a block begin, and how long they are."""
    is_word = np.zeros(len(block) + 2, bool)
    is_word[1:-1] = _IS_WORD[block]
    edges = np.flatnonzero(is_word[1:] != is_word[:-1])
    return edges[::2], edges[1::2] - edges[::2]


def _numbers(words: npt.NDArray[np.uint8]) -> Numbers:
    """A number for each word of one length; up to eight bytes it tells the word exactly."""
    count, length = words.shape
    padded = np.zeros((count, -(-length // 8) * 8), np.uint8)
    padded[:, :length] = words
    parts = padded.view(np.uint64)
    number = parts[:, 0].copy()
    for column in range(1, parts.shape[1]):
        number = (number ^ (number >> np.uint64(29))) * _MIX + parts[:, column]
    return number


def _runs(one: bytes) -> list[tuple[int, bytes]]:
    starts, lengths = _words(np.frombuffer(one, np.uint8))
    return [
        (start, one[start : start + length]) for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)
    ]


def _stands(text: bytes, begin: int, one: bytes) -> bool:
    """Whether an id stands at a place, and is no part of a longer word."""
    end = begin + len(one)
    if begin < 0 or text[begin:end] != one:
        return False
    goes_on_before = begin > 0 and _IS_WORD[text[begin - 1]] and _IS_WORD[one[0]]
    goes_on_after = end < len(text) and _IS_WORD[text[end]] and _IS_WORD[one[-1]]
    return not (goes_on_before or goes_on_after)


class Sought:
    """Whom an erasure is about, ready to be looked for.

    `subjects` are their ids by the column that holds them: `customer_id`, orders and browsers that were only theirs,
    their e-mail addresses.
    """

    def __init__(self, subjects: Mapping[str, Set[str]]) -> None:
        self.subjects = subjects
        self.customers = subjects["customer_id"]
        named = {one for one in self.customers | subjects.get("email", frozenset()) if is_distinctive(one)}
        self.quoted = Words(spellings(named))  # in free text
        self.customer_words = Words(spellings(self.customers))
        self.anywhere = Words(spellings(set().union(*subjects.values())))  # as a value of some column

    def names(self, values: Iterable[tuple[str, object]]) -> bool:
        """Whether a row, as (column, value), names one of them in its column."""
        return any(
            value is not None and column in self.subjects and str(value).strip() in self.subjects[column]
            for column, value in values
        )

    def mentions(self, broken: bytes) -> bool:
        """Whether a customer's id stands in a row that can't be read."""
        return self.customer_words.finds(broken)

    def blanked(self, text: bytes, instead: bytes) -> tuple[bytes, int]:
        """The text with `instead` in each place that names a customer, and how many those were."""
        places = sorted(self.quoted.places(text))
        parts, last = [], 0
        for begin, one in places:
            if begin >= last:
                parts += [text[last:begin], instead]
                last = begin + len(one)
        return (b"".join([*parts, text[last:]]), len(places)) if places else (text, 0)


def is_distinctive(one: str) -> bool:
    """Whether an id found in free bytes is no other word or number by chance."""
    return len(one) >= WORD_LENGTH and not one.isdecimal()


def spellings(ids: Iterable[str]) -> set[bytes]:
    """Ids as UTF-8 and as JSON may write them: escapes in small letters or capitals, a slash escaped or not."""
    found = set()
    for one in ids:
        escaped = json.dumps(one)[1:-1]
        capital = _ESCAPE.sub(lambda escape: f"\\u{escape[1].upper()}", escaped)
        plain = (one, escaped, capital)
        found |= {spelt.encode() for spelt in (*plain, *(text.replace("/", r"\/") for text in plain))}
    return found
