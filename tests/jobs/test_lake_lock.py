"""Jobs share a lake; an erasure waits for them, and they for it."""

import select
import subprocess
import sys
from pathlib import Path

from jobs import lake_lock

CHILD = """
import sys
from pathlib import Path
from jobs import lake_lock
print("started", flush=True)
{take}
print("got it", flush=True)
"""
SHARE = "lake_lock.share(Path(sys.argv[1]))"
ALONE = "lake_lock.alone(Path(sys.argv[1])).__enter__()"


def other(lake: Path, take: str) -> "subprocess.Popen[bytes]":
    """Another process that takes the lock; it has started when this returns."""
    command = [sys.executable, "-c", CHILD.format(take=take), str(lake)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)
    assert next_line(process, 30) == b"started\n"
    return process


def next_line(process: "subprocess.Popen[bytes]", seconds: float) -> bytes | None:
    """What the process says within a time; None when it is silent."""
    assert process.stdout is not None
    return process.stdout.readline() if select.select([process.stdout], [], [], seconds)[0] else None


def test_jobs_share(tmp_path):
    lake_lock.share(tmp_path)
    assert next_line(other(tmp_path, SHARE), 30) == b"got it\n"


def test_a_job_waits_for_an_erasure(tmp_path):
    with lake_lock.alone(tmp_path):
        job = other(tmp_path, SHARE)
        assert next_line(job, 0.5) is None
    assert next_line(job, 30) == b"got it\n"


def test_an_erasure_waits_for_a_job_and_keeps_what_its_own_jobs_share(tmp_path):
    with lake_lock.alone(tmp_path):
        lake_lock.share(tmp_path)
        erasure = other(tmp_path, ALONE)
        assert next_line(erasure, 0.5) is None
    assert next_line(erasure, 30) == b"got it\n"


def test_no_lake_needs_no_lock(tmp_path):
    lake_lock.share(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
