"""Our miner beside `seq2pat`, which is GPL, needs a compiler and so is no dependency: the same patterns and counts?

By hand, with an environment that is thrown away:

    uv venv --python 3.11 /tmp/seq2pat && uv pip install --python /tmp/seq2pat/bin/python seq2pat==2.0.0
    .venv/bin/python -m tests.benchmarks.seq2pat_peer /tmp/seq2pat/bin/python
"""

import json
import subprocess
import sys
import tempfile
import time
from math import ceil
from pathlib import Path

import numpy as np

from models.pattern_mining import Sequences, mine
from models.session_patterns import SessionPatternConfig
from models.session_steps import before, steps
from tests.benchmarks import patterns

PEER = """
import json, sys, time
from sequential.seq2pat import Attribute, Seq2Pat
for line in open(sys.argv[1]):
    told = json.loads(line)
    miner = Seq2Pat(told["items"], max_span=None)
    miner.add_constraint(0 <= Attribute(told["places"]).gap() <= told["gap"])
    miner.add_constraint(0 <= Attribute(told["seconds"]).span() <= told["span"])
    if told["stay"]:
        miner.add_constraint(told["stay"] <= Attribute(told["stays"]).average())
    began = time.monotonic()
    found = miner.get_patterns(min_frequency=told["least"])
    print(json.dumps({"found": found, "seconds": time.monotonic() - began}))
"""


def main() -> None:
    """Mine one shop's sessions with both and print how they compare."""
    config = SessionPatternConfig()
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        run = patterns.conformed(Path(folder), seed=1, shop="planted")[1]
        known = before(patterns.all_sessions(run)[0], config.ends)
        cases, ours = [], []
        for kind, stay in config.families:
            sequences = steps(known, kind)[0]
            sequences = sequences.take(np.diff(sequences.starts) > 0)
            constraints = config.constraints(stay)
            least = ceil(constraints.minimum_support * len(sequences))
            began = time.monotonic()
            found = mine(sequences, constraints)
            ours.append((kind, stay, len(sequences), found, time.monotonic() - began))
            limits = {"least": least, "gap": constraints.maximum_gap, "span": int(constraints.maximum_span_seconds)}
            cases.append({**limits, "stay": int(stay), **_as_lists(sequences, stay)})
        given, code = Path(folder) / "cases.jsonl", Path(folder) / "peer.py"
        given.write_text("\n".join(map(json.dumps, cases)))
        code.write_text(PEER)
        told = subprocess.run([sys.argv[1], str(code), str(given)], check=True, capture_output=True, text=True).stdout
    for (kind, stay, count, found, seconds), line in zip(ours, told.splitlines(), strict=True):
        answer = json.loads(line)
        theirs = {tuple(item - 1 for item in row[:-1]): row[-1] for row in answer["found"]}
        short = {pattern: n for pattern, n in theirs.items() if len(pattern) <= config.maximum_length}
        different = sum(found.get(pattern) != short.get(pattern) for pattern in found.keys() | short.keys())
        sys.stdout.write(
            f"{kind}, mean stay {stay:g} s, {count:,} sessions: {len(found)} patterns in {seconds:.1f} s; seq2pat "
            f"{len(short)} of them, and {len(theirs) - len(short)} longer ones, which it can't leave out, in "
            f"{answer['seconds']:.1f} s; different: {different}\n"
        )


def _as_lists(sequences: Sequences, stay: float) -> dict[str, list[list[int]]]:
    """Whole positive numbers, as seq2pat takes them; an unknown stay is the asked mean, which moves no mean past it."""
    known = dict(
        items=sequences.items + 1,
        seconds=sequences.seconds - np.repeat(sequences.seconds[sequences.starts[:-1]], np.diff(sequences.starts)) + 1,
        stays=np.nan_to_num(sequences.stays, nan=stay),
    )
    bounds = list(zip(sequences.starts[:-1], sequences.starts[1:], strict=True))
    cut = {name: [values[begin:end].astype(int).tolist() for begin, end in bounds] for name, values in known.items()}
    return cut | {"places": [list(range(1, end - begin + 1)) for begin, end in bounds]}


if __name__ == "__main__":
    main()
