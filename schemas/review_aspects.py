"""Words by which a review names an aspect of what was bought: size and fit, quality, delivery, price, service.

The lists are English; a shop of another language declares its own in `shop.toml` (`review_aspects`). `|` parts words,
a star at a word's end stands for any ending, a word may be several, case and accents do not matter.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

ENGLISH = {
    "size_fit": "size*|sizing|fit|fits|fitted|fitting|ill fitting|tight*|loose*|baggy|snug*|petite|waist*|length|too small|too big"
    "|too large|too short|too long|smaller|larger|runs small|runs large|runs big|tailored|oversized",
    "quality": "quality|material*|fabric*|well made|poorly made|badly made|stitch*|seam|seams|sturdy|sturdily|durab*|flimsy|thin"
    "|thinner|craftsmanship|workmanship|finish|finished|defect*|broke|broken|tore|torn|ripped|fell apart|falls apart|falling apart"
    "|unravel*|shrank|shrunk|shrink*|pilling|wash|washed|washing|faded|see through",
    "delivery": "deliver*|shipped|shipping|shipment*|arriv*|parcel*|package|packages|packaging|packed|courier*|dispatch*|postage"
    "|in transit|tracking",
    "price": "price*|pricey|pricing|cost|costs|costly|expensive|overpriced|inexpensive|cheaper|cheapest|value|bargain*|afford*|money"
    "|worth|discount*|on sale|sale price",
    "service": "service|staff|customer support|support team|customer care|help desk|refund*|complain*|employee*|salesperson"
    "|sales assistant|sales associate|representative*|rude|polite|unhelpful",
}
ASPECTS = tuple(ENGLISH)


@dataclass(frozen=True)
class ReviewAspect:
    """The words of one aspect, in place of the English ones; with none it is never found."""

    aspect: str
    words: str

    def __post_init__(self) -> None:
        if self.aspect not in ASPECTS:
            raise ValueError(f"review aspect {self.aspect!r} is none of {', '.join(ASPECTS)}")
        if not isinstance(self.words, str):
            raise ValueError(f'review aspect {self.aspect!r}: words is one text such as "price*|on sale"')
        if self.words and not all(word.strip(" *") for word in self.words.split("|")):
            raise ValueError(f"review aspect {self.aspect!r}: a word between two | is empty, or a star alone")


def review_aspects(given: Iterable[Any]) -> tuple[ReviewAspect, ...]:
    """Aspects from what a settings file says; raises in one line for what can't be meant."""
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise ValueError('review_aspects is a list of tables such as { aspect = "price", words = "price*|on sale" }')
    aspects = tuple(one if isinstance(one, ReviewAspect) else _review_aspect(one) for one in given)
    names = [one.aspect for one in aspects]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"review aspect {doubled!r} is declared twice")
    return aspects


def _review_aspect(given: Any) -> ReviewAspect:
    keys = {field.name for field in fields(ReviewAspect)}
    if not isinstance(given, Mapping) or set(given) != keys:
        raise ValueError(f"a review aspect is a table with the keys aspect and words, not {given!r}")
    return ReviewAspect(**given)


def aspect_words(declared: Iterable[ReviewAspect] = ()) -> dict[str, tuple[str, ...]]:
    """Words of every aspect: those declared, else the English ones."""
    lists = ENGLISH | {one.aspect: one.words for one in declared}
    return {aspect: tuple(word.strip() for word in words.split("|") if word.strip()) for aspect, words in lists.items()}
