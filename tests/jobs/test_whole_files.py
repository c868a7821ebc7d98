import os
from pathlib import Path

import pytest

from jobs.whole_files import write_whole


def test_a_killed_write_leaves_no_half_file_under_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "dt=2017-01-01" / "a.csv"
    write_whole(target, b"whole")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_whole(target, b"half")
    assert target.read_bytes() == b"whole"
    # What is left has a hidden name, which no reader of landing takes for data.
    assert [path.name for path in target.parent.iterdir() if not path.name.startswith(".")] == ["a.csv"]
