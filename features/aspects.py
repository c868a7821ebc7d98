"""What a review says of each aspect: the sentiment of the sentences that name it, by lists of words."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

Patterns = Mapping[str, "re.Pattern[str]"]

_SENTENCE_END = re.compile(r"[!?…;\n。！？]+|\.+(?!\d)")


def aspect_patterns(words: Mapping[str, Sequence[str]]) -> dict[str, "re.Pattern[str]"]:
    """A pattern for each aspect that has words; it fits what `plain` gives."""
    return {aspect: _pattern(listed) for aspect, listed in words.items() if listed}


def plain(text: str) -> str:
    """The text without case and accents, which writers leave out."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def sentences(text: str) -> list[str]:
    """Parts of the text between full stops and their like."""
    return [part for part in map(str.strip, _SENTENCE_END.split(text)) if part]


def aspect_sentiments(
    texts: Sequence[str],
    patterns: Patterns,
    sentiment_of: Callable[[Sequence[str]], np.ndarray],
    otherwise: np.ndarray,
) -> dict[str, np.ndarray]:
    """By aspect (n,): the mean sentiment of the sentences that name it; NaN where none does.

    `sentiment_of` gives NaN for what it can't read; where it can read none of them, `otherwise` (n,) stands.
    """
    named = [
        (row, aspect, sentence)
        for row, text in enumerate(texts)
        for sentence in sentences(text)
        for aspect, pattern in patterns.items()
        if pattern.search(plain(sentence))
    ]
    found = {aspect: np.full(len(texts), np.nan) for aspect in patterns}
    told = defaultdict(list)
    for (row, aspect, _), score in zip(named, sentiment_of([sentence for *_, sentence in named]), strict=True):
        told[row, aspect].append(score)
    for (row, aspect), scores in told.items():
        readable = [score for score in scores if score == score]  # NaN is not itself
        found[aspect][row] = sum(readable) / len(readable) if readable else otherwise[row]
    return found


def _pattern(listed: Sequence[str]) -> "re.Pattern[str]":
    words = (
        r"\s+".join(map(re.escape, plain(word).rstrip("*").split())) + r"\w*" * word.endswith("*") for word in listed
    )
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)")
