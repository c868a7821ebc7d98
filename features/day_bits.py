"""Days as bits: a bit a day in seven words that come round after 434 days. What is made of them needs no tiles."""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import reduce
from operator import add

from pyspark.sql import Column
from pyspark.sql import functions as F

from schemas.feature import DAY_BITS, DAY_WORDS, day_words

ONE_DAY, EPOCH = timedelta(days=1), date(1970, 1, 1)


def bits_of_word(word: int, day: Column, as_of: Column, is_counted: Column) -> Column:
    """Aggregate: the days that are counted and lie in a word, as bits; 0 without any."""
    number = F.unix_date(day)
    at = F.floor(number / DAY_BITS)
    is_in_reach = (at % DAY_WORDS == word) & (at > F.floor(F.unix_date(as_of) / DAY_BITS) - DAY_WORDS)
    bit = F.call_function("shiftleft", F.lit(1).cast("bigint"), number % DAY_BITS)
    return F.coalesce(F.bit_or(F.when(is_in_reach & is_counted, bit)), F.lit(0).cast("bigint"))


def word_rolled(name: str, place: int, day: date, lost: Column | None = None) -> Column:
    """The word of the day before with the days that came (`_name`), without those lost; empty where its turn begins."""
    none = F.lit(0).cast("bigint")
    word, of_before = _word_of(day), _word_of(day - ONE_DAY)
    old = none if word != of_before and word % DAY_WORDS == place else F.coalesce(name, none)
    grown = old.bitwiseOR(F.coalesce(f"_{name}", none))
    return grown if lost is None else grown.bitwiseAND(F.bitwise_not(F.coalesce(lost, none)))


def days_with(fact: str, window: int, day: date) -> Column:
    """Days with any of a fact among the last `window` ones."""
    return count_bits(_masked(fact, window, day))


def count_bits(words: Iterable[Column]) -> Column:
    """Days in all words."""
    return reduce(add, (F.bit_count(word).cast("bigint") for word in words))


def newest(fact: str, day: date) -> Column:
    """Days since the last day with any of a fact that bits tell of; null where they tell of none."""
    number = (day - EPOCH).days
    found = []
    for back in range(DAY_WORDS):
        word = _word_of(day) - back
        name = day_words(fact)[word % DAY_WORDS]
        highest = F.length(F.bin(name)) - 1
        found.append(F.when(F.col(name) != 0, F.lit(number - word * DAY_BITS) - highest))
    return F.coalesce(*found).cast("bigint")


def mean_gap(fact: str, window: int, day: date) -> Column:
    """Mean days between days with any of a fact among the last `window` ones; null below two."""
    number, words = (day - EPOCH).days, _masked(fact, window, day)
    newest_first = [_word_of(day) - back for back in range(len(words))]
    latest: list[Column] = []
    oldest: list[Column] = []
    for word, bits in zip(newest_first, words, strict=True):
        start = F.lit(number - word * DAY_BITS)
        lowest = bits.bitwiseAND(-bits)
        latest.append(F.when(bits != 0, start - (F.length(F.bin(bits)) - 1)))
        oldest.insert(0, F.when(bits != 0, start - (F.length(F.bin(lowest)) - 1)))
    days = count_bits(words)
    span = F.coalesce(*oldest) - F.coalesce(*latest)
    return F.when(days > 1, span.cast("double") / (days - 1).cast("double"))


def _masked(fact: str, window: int, day: date) -> list[Column]:
    """The words of the last `window` days, newest first, without other days."""
    masks: dict[int, int] = {}
    for back in range(window):
        number = (day - EPOCH).days - back
        word = number // DAY_BITS
        masks[word] = masks.get(word, 0) | 1 << number % DAY_BITS
    names = day_words(fact)
    return [F.col(names[word % DAY_WORDS]).bitwiseAND(F.lit(mask).cast("bigint")) for word, mask in masks.items()]


def _word_of(day: date) -> int:
    return (day - EPOCH).days // DAY_BITS
