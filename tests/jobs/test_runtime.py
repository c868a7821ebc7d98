"""Known errors end in one line and a code; a step is one log line."""

import errno
import logging
from datetime import date
from importlib import import_module

import pytest

from jobs import runtime
from jobs.errors import ContractError, GateRefusedError, MissingInputError, TemporaryError
from models.registry import UnreadableModelError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MissingInputError("no file"), 2),
        (ContractError("no column"), 3),
        (GateRefusedError("no"), 4),
        (TemporaryError("later"), 75),
        (OSError(errno.ENOSPC, "No space left", "part-0"), 75),
        (OSError(errno.ENOSPC, "No space left"), 75),
        (RuntimeError("Object Store error: write failed\nNo space left on device (os error 28)"), 75),
        (UnreadableModelError("model churn-1 can't be read (gone); train again"), 2),
        (PermissionError(errno.EACCES, "Permission denied", "exports"), 2),
        (FileExistsError(errno.EEXIST, "File exists", "reports"), 2),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "exports/retention"), 2),
        (OSError(errno.EIO, "Input/output error", "part-0"), 75),
    ],
)
def test_a_known_error_ends_in_one_line_and_its_code(error, code, capsys):
    def main(arguments: list[str]) -> None:
        assert arguments == ["--as-of", "2024-03-01"]
        raise error

    with pytest.raises(SystemExit) as end:
        runtime.start(main, ["--as-of", "2024-03-01"])
    said = capsys.readouterr().err
    assert end.value.code == code and said.count("\n") == 1 and said.startswith("nightjar: ")
    assert "None" not in said


def test_an_unknown_error_keeps_its_traceback():
    def main(arguments: list[str]) -> None:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        runtime.start(main, [])


def test_a_step_is_one_line_of_facts(caplog):
    with caplog.at_level(logging.INFO, "nightjar"), runtime.step("load", source="a") as facts:
        facts["rows"] = 3
    assert [record.getMessage()[:28] for record in caplog.records] == ["step=load source=a rows=3 se"]


@pytest.mark.parametrize("job", ["snapshot", "train", "score", "publish", "plan_campaign", "measure_campaign"])
def test_a_job_that_writes_one_night_takes_no_stretch(job, capsys):
    main = import_module(f"jobs.{job}").main
    with pytest.raises(SystemExit) as left:
        main(["--as-of", "2024-03-03", "--from", "2024-03-01"])
    assert left.value.code == 2 and "unrecognized arguments: --from 2024-03-01" in capsys.readouterr().err


def test_a_stretch_that_ends_before_it_begins_is_refused(no_settings):
    given = runtime.parser("tile", None).parse_args(["--as-of", "2024-03-01", "--from", "2024-03-02"])
    with pytest.raises(MissingInputError, match="swap"):
        runtime.run_of(given)


@pytest.mark.parametrize("job", ["ingest", "conform", "tile", "export_campaign"])
def test_a_lake_that_is_not_there_is_refused_and_not_made(job, lake, run_job):
    with pytest.raises(MissingInputError, match=f"there is no lake at {lake}/none"):
        run_job(job, date(2024, 3, 1), lake=lake / "none")
    assert not (lake / "none").exists()
