"""Values that a spreadsheet opens as text and never runs."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence

# What makes a cell a formula, in Excel, LibreOffice or Google Sheets.
FORMULA_SIGNS = ("=", "+", "-", "@")
SEPARATORS = frozenset(",;|")  # a program of another language region cuts unquoted cells at its own
# Ends of lines, NUL and their like: a line of a file is one row, and what follows such a sign may open a cell.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_UNSEEN = re.compile(r"^[\s\u200b-\u200f\u2060\ufeff]+")  # blanks, zero-width ones too, are skipped by some programs


def safe_text(value: str) -> str:
    """The value on one line, with an apostrophe in front where a spreadsheet would take it for a formula.

    Full-width signs and leading blanks count too: programs fold or skip them. A value that begins with a tab or the end
    of a line is made text as well.
    """
    line = _CONTROLS.sub(" ", value)
    seen = _UNSEEN.sub("", unicodedata.normalize("NFKC", line))
    is_formula = seen.startswith(FORMULA_SIGNS) or bool(_CONTROLS.match(value))
    return f"'{line}" if is_formula else line


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """A CSV file's text; a row with a separator of any region in it is quoted whole."""
    text = io.StringIO()
    plain = csv.writer(text, lineterminator="\n")
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for cells in rows:
        (quoted if any(not SEPARATORS.isdisjoint(cell) for cell in cells) else plain).writerow(cells)
    return text.getvalue()
