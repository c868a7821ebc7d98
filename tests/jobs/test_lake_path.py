"""Where a lake may lie: paths that the engines can read."""

import pytest

from jobs import nightly
from jobs.errors import MissingInputError
from jobs.lake_path import path_problem
from jobs.land.__main__ import main as land
from jobs.settings import get_settings

BAD = [" ", "\u00e4", "#", "%", "?", "*", "[", "{", "\\", '"', "`", "<", "\u200b"]


@pytest.mark.parametrize("sign", BAD)
def test_a_path_with_a_character_that_the_engines_cannot_read_is_named(tmp_path, sign):
    told = path_problem(tmp_path / f"My{sign}Projects" / "lake")
    assert told and f"character {sign!a}" in told and "\n" not in told and "LAKE=" in told


def test_plain_paths_and_usual_signs_are_fine(tmp_path, spark):
    lake = tmp_path / "a-b_c.d+e,f=g@h~i!$&'():;]^|"
    assert path_problem(lake) is None
    spark.range(3).write.format("delta").save(str(lake / "t"))
    assert spark.read.format("delta").load(str(lake / "t")).count() == 3
    assert (lake / "t" / "_delta_log").is_dir()


def test_jobs_landing_and_make_refuse_such_a_path(tmp_path, no_settings, capsys):
    lake = str(tmp_path / "My Projects")
    with pytest.raises(MissingInputError, match="the character ' '"):
        get_settings(lake=lake)
    assert land(["--dataset", "simulated", "--lake", lake]) == 2
    assert nightly.main(["all", "--check-only", "--dataset", "simulated", "--lake", lake]) == nightly.USAGE
    told = capsys.readouterr().err
    assert told.count("\n") == 2 and told.count("the character ' '") == 2
