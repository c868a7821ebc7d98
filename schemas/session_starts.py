"""What the beginning of a session tells: the time of day, the end of the week, the kind of place the visitor came from.

Names of sites are the same everywhere; a shop adds its own host, its newsletter's name or words of another language in
`shop.toml` (`referrer_words`). `|` parts words, a star at a word's end stands for any ending, case does not matter.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TIMES_OF_DAY = {"night": 0, "morning": 6, "afternoon": 12, "evening": 18}  # the hour at which each begins
WEEKEND = (7, 1)  # Saturday and Sunday, as SQL's dayofweek numbers them

# The first kind with a word that fits holds: an ad of Google's is an ad, a mail read at Google's is a mail.
REFERRER_WORDS = {
    "direct": "direct|none",
    "ads": "ads|adwords|googleads*|googlesyndication|googleadservices|doubleclick|cpc|ppc|cpm|cpa|paid*|display|banner*"
    "|sponsored|retargeting|remarketing|affiliate*|criteo|taboola|outbrain|adroll|awin*|tradedoubler",
    "email": "email*|e-mail*|mail|mails|webmail|newsletter*|gmail|com.google.android.gm|outlook|hotmail|mailchimp|klaviyo"
    "|sendgrid",
    "social": "social*|facebook|fb|fb.me|instagram|twitter|t.co|x.com|linkedin|lnkd.in|pinterest|pin.it|tiktok|reddit"
    "|youtube|youtu.be|snapchat|whatsapp|wa.me|telegram|t.me|messenger|threads.net|vk.com|weibo|bsky.app|mastodon*|discord"
    "|twitch|tumblr",
    "search": "search*|organic|google*|bing|duckduckgo|yahoo|baidu|yandex|ecosia|qwant|startpage|ask.com|naver|seznam"
    "|brave",
}
REFERRER_KINDS = (*REFERRER_WORDS, "other")

_NO_LETTER = r"[^\p{L}\p{N}]"  # said so that both engines' regular expressions mean the same


@dataclass(frozen=True)
class StartRules:
    """The zone of the shop's hours, and a regular expression for each kind of referrer, for text in small letters."""

    timezone: str
    referrer_patterns: tuple[tuple[str, str], ...]


def start_rules(timezone: str, more_words: Mapping[str, str] | None = None) -> StartRules:
    """The rules of a shop: its own words stand beside those that hold everywhere."""
    more = more_words or {}
    listed = {kind: f"{words}|{more.get(kind, '')}" for kind, words in REFERRER_WORDS.items()}
    return StartRules(timezone, tuple((kind, _pattern(words)) for kind, words in listed.items()))


def checked_words(given: Any) -> dict[str, str]:
    """The words that a settings file declares; raises in one line for what can't be meant."""
    if not isinstance(given, Mapping) or not all(isinstance(words, str) for words in given.values()):
        raise ValueError('referrer_words is a table such as { direct = "shop.example", email = "rundbrief*" }')
    if unknown := next((kind for kind in given if kind not in REFERRER_WORDS), None):
        raise ValueError(f"referrer kind {unknown!r} is none of {', '.join(REFERRER_WORDS)}")
    if empty := next((kind for kind, words in given.items() if not all(w.strip(" *") for w in words.split("|"))), None):
        raise ValueError(f"referrer kind {empty!r}: a word between two | is empty, or a star alone")
    return dict(given)


def _pattern(listed: str) -> str:
    words = (word.strip().lower() for word in listed.split("|"))
    each = (
        r"\s+".join(map(re.escape, word.rstrip("*").split())) + r"[\p{L}\p{N}]*" * word.endswith("*")
        for word in words
        if word
    )
    return rf"(^|{_NO_LETTER})({'|'.join(each)})({_NO_LETTER}|$)"
