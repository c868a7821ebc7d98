"""Whom an erasure is about: ids by option or from a file, and where each is named; what may be no id is refused.

An id taken from the wrong column, or a header taken for one, would be searched for in every file and taken out of it.
"""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

from jobs.erase_words import WORD_LENGTH
from jobs.errors import MissingInputError
from schemas.contract import OneOf
from schemas.raw import SOURCES
from schemas.tables import TABLES

Places = dict[str, str]  # where each id stands: a log may tell that, and no id
HEADER = "customerid"
DELIMITERS = ",;\t|"


def ids_of_options(given: Iterable[str]) -> Places:
    """Customer ids of `--customer`."""
    found: Places = {}
    for number, one in enumerate(given, start=1):
        add(found, one.strip(), f"--customer number {number}")
    if not found:
        raise MissingInputError("no customer is named; give an id")
    return found


def ids_in(path: Path) -> Places:
    """Customer ids of a file: of its column `customer_id`, whatever parts the columns, else one a line."""
    if not path.is_file():
        raise MissingInputError(f"{path} is not there; give a CSV with a column customer_id")
    text = text_of(path)
    for delimiter in DELIMITERS:
        rows = rows_of(path, text, delimiter)
        header = [plain(cell) for cell in rows[0][1]] if rows else []
        if HEADER in header:
            return ids_of_column(path, rows[1:], header)
        if any(len(row) > 1 for _, row in rows):
            raise MissingInputError(
                f"{path} has several columns and none is called customer_id; name the one that holds ids"
            )
    found: Places = {}
    for line, row in rows:
        add(found, row[0].strip(), f"line {line}")
    return none_is_wrong(path, found)


def ids_of_column(path: Path, rows: list[tuple[int, list[str]]], header: list[str]) -> Places:
    """Customer ids of the one column that is called so."""
    if header.count(HEADER) > 1:
        raise MissingInputError(f"{path} has a column customer_id twice; leave the one that holds ids")
    found: Places = {}
    for line, row in rows:
        if len(row) != len(header):
            raise MissingInputError(
                f"{path} line {line} has {len(row)} columns, the header {len(header)}; mend the line, or quote its text"
            )
        one = row[header.index(HEADER)].strip()
        if not one:
            raise MissingInputError(f"{path} line {line} has no customer_id; fill it in, or delete the line")
        add(found, one, f"line {line}")
    return none_is_wrong(path, found)


def none_is_wrong(path: Path, found: Places) -> Places:
    """The ids, if there are any."""
    if not found:
        raise MissingInputError(f"{path} names no customer; put one id on each line")
    return found


def text_of(path: Path) -> str:
    """The file's text."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise MissingInputError(f"{path} is not UTF-8; save it as UTF-8, so that every id is read as it is")
    return text


def rows_of(path: Path, text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """(line, cells) of the rows that are not empty."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise MissingInputError(f"{path} line {reader.line_num}: {error}; put one id on each line") from None


def add(found: Places, one: str, place: str) -> None:
    """Note an id and its first place; raise where it is a word of the lake's own."""
    if plain(one) in OWN_WORDS:
        raise MissingInputError(
            f"{place} is the word {one}, which names a column, a table or a value of the lake; give ids of customers"
        )
    if len(one.splitlines()) > 1:
        raise MissingInputError(f"the id that ends in {place} has a line break in it; close the quote before it")
    if one:
        found.setdefault(one, place)


def plain(word: str) -> str:
    """A name without what its spellings differ in: Customer_ID, "customer id ", customerId."""
    return re.sub(r"[\s_-]", "", word).casefold()


def own_words() -> frozenset[str]:
    """What the contracts call things, and the longer words in it: erased as a person, the lake would lose them."""
    names = {table.name for table in TABLES} | {name for table in TABLES for name in table.column_names} | {*SOURCES}
    rules = [rule for table in TABLES for column in table.columns for rule in column.constraints]
    values = {value for rule in rules if isinstance(rule, OneOf) for value in rule.values}
    parts = {part for name in names for part in name.split("_") if part.isalpha() and len(part) >= WORD_LENGTH}
    return frozenset(map(plain, names | values | parts)) - {""}


OWN_WORDS = own_words()
