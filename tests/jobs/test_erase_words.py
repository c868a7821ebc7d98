"""Many ids are found at once, exactly where a pattern of each finds it."""

import re

from hypothesis import given
from hypothesis import strategies as st

from jobs.erase_words import Sought, Words, is_distinctive

LETTERS = st.text('ab1_-. @é"\n', max_size=40)
IDS = st.sets(st.text("ab1_-.@é", min_size=1, max_size=12), min_size=1, max_size=6)


def expected(ids: set[str], text: bytes) -> set[tuple[int, bytes]]:
    """Every place of every id that goes on as a word on neither side."""
    found = set()
    for one in ids:
        coded = one.encode()
        before = rb"(?<![\w-])" if re.match(rb"[\w-]", coded) else b""
        after = rb"(?![\w-])" if re.search(rb"[\w-]$", coded) else b""
        pattern = re.compile(rb"(?=" + before + re.escape(coded) + after + rb")")
        found |= {(match.start(), coded) for match in pattern.finditer(text)}
    return found


@given(IDS, LETTERS, LETTERS)
def test_ids_are_found_wherever_a_pattern_finds_them(ids, before, after):
    one = sorted(ids)[0]
    text = f"{before}{one}{after}".encode()
    assert set(Words(one.encode() for one in ids).places(text)) == expected(ids, text)


def test_ids_of_more_than_eight_bytes_are_told_apart_by_every_byte():
    long = b"0123456789abcdefghij"
    words = Words([long])
    for place in range(len(long)):
        other = long[:place] + b"X" + long[place + 1 :]
        assert list(words.places(b" ".join([other, long, other]))) == [(21, long)]


def test_a_name_is_blanked_as_utf8_and_as_json_writes_it_and_short_ones_are_not():
    sought = Sought({"customer_id": {"Zoë-77", "12", "123456"}, "email": {"jo@example.org"}})
    text = 'Zoë-77, "Zo\\u00eb-77", jo@example.org, 12 and 123456'.encode()
    assert sought.blanked(text, b"#") == (b'#, "#", #, 12 and 123456', 3)
    assert [is_distinctive(one) for one in ("c00001", "c1", "123456")] == [True, False, False]


def test_a_row_is_named_by_its_own_columns():
    sought = Sought({"customer_id": {"c1"}, "order_id": {"o1"}})
    assert sought.names([("customer_id", " c1 ")]) and sought.names([("order_id", "o1"), ("customer_id", None)])
    assert not sought.names([("customer_id", "o1"), ("order_id", "c1"), ("other", "c1")])
