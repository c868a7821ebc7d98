"""The note in a lake that an erasure changes its files: killed meanwhile, it stays, and every other job refuses.

Half erased, a customer would be scored and published of what is left of him, and contacted; and landed files may differ
from the register, and would be read again.
"""

from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import MissingInputError
from jobs.whole_files import write_whole

UNFINISHED = ".erasing"  # in the lake: keyed hashes of customers whose erasure has begun and has not ended
REFUSED_AGAIN = "refused"  # stands for whom an erasure from landed files alone is about, see erase_refused.py


@contextmanager
def unfinished(lake: Path, customers: Set[str], former: str = "") -> Iterator[None]:
    """Note in the lake whom an erasure is about, until it has ended: killed meanwhile, the note stays.

    Whatever erasure comes for a customer takes him out of the note, with whomever else it is about. `former` is what
    stood there for all customers of an erasure at once, in a note from before.
    """
    there = noted(lake)
    _write(lake, there | customers)
    yield
    _write(lake, there - customers - {former})


def noted(lake: Path) -> set[str]:
    """What the note says; nothing where there is none."""
    note = lake / UNFINISHED
    return set(note.read_text().split()) if note.is_file() else set()


def refuse_after_unfinished_erasure(lake: Path, *, is_ending_refused: bool = False) -> None:
    """Raise where an erasure was killed; `is_ending_refused` is a job that ends one from landed files alone itself."""
    left = noted(lake)
    if not left or (is_ending_refused and left == {REFUSED_AGAIN}):
        return
    if customers := left - {REFUSED_AGAIN}:
        again = f"run it again with the same customers (customers left: {len(customers)})"
    else:
        again = "run `python -m jobs.erase --refused`"
    raise MissingInputError(f"an erasure did not end; {again}, then this job")


def _write(lake: Path, ids: Set[str]) -> None:
    if not ids:
        (lake / UNFINISHED).unlink(missing_ok=True)
        return
    write_whole(lake / UNFINISHED, ("\n".join(sorted(ids)) + "\n").encode())
