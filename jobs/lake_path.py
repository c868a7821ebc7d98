"""Where a lake may lie: Sail 0.7.2 reads a path as a URL or as a pattern, and writes elsewhere or fails.

Python's own library only: the path is checked before anything is installed. An encoded path fares no better.
"""

import re
from pathlib import Path

# Tried one by one: with these a table is written to its folder and read again, by Sail and by delta-rs.
_OTHERS = re.compile(r"[^A-Za-z0-9/!$&'()+,.:;=@\]^_|~-]")


def path_problem(lake: Path) -> str | None:
    """Why a lake can't lie there, and what to do; None where it can."""
    found = _OTHERS.search(str(lake.resolve()))
    if found is None:
        return None
    return (
        f"the path of the lake, {str(lake.resolve())!r}, has the character {found[0]!a}, which the engines can't read "
        "in a path: give another folder (make: LAKE=/a/plain/path; jobs: NIGHTJAR_LAKE)"
    )
