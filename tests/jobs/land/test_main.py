import errno
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs import land
from jobs.land import files, load_adapter
from jobs.land.__main__ import main, shop_toml
from jobs.settings import Settings
from tests.jobs.land.landed import contents

REAL = ("complete-journey", "online-retail", "olist", "retailrocket")
EVENTS = "timestamp,visitorid,event,itemid,transactionid\n1430636062541,7,view,298,\n1430736062541,7,view,298,\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "events.csv").write_text(EVENTS)
    return tmp_path / "source"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def error_line(capsys: pytest.CaptureFixture[str]) -> Iterator[SimpleNamespace]:
    """The one line on stderr of a call that must fail with exit code 2."""

    def fail(*arguments: object) -> str:
        assert main([str(argument) for argument in arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    yield SimpleNamespace(of=fail)


def run(source: Path, lake: Path) -> int:
    return main(["--dataset", "retailrocket", "--source", str(source), "--lake", str(lake)])


def test_a_rerun_leaves_the_same_bytes(source: Path, lake: Path) -> None:
    assert run(source, lake) == 0
    once = contents(lake)
    assert run(source, lake) == 0
    assert contents(lake) == once
    # A clock in the gzip header would differ on another day only.
    assert once["landing/clickstream/dt=2015-05-03/clickstream.jsonl.gz"][4:8] == bytes(4)


def test_the_shop_file_tells_the_profile_and_the_full_days(source: Path, lake: Path) -> None:
    run(source, lake)
    shop = tomllib.loads((lake / "shop.toml").read_text())
    assert shop["dataset"] == "retailrocket" and shop["is_simulated"] is False
    assert (shop["first_date"], shop["last_date"]) == (date(2015, 5, 3), date(2015, 5, 3))
    assert (
        "# The public data says nothing about marketing consent.\nconsent_required = false"
        in (lake / "shop.toml").read_text()
    )


def test_own_settings_stay_when_the_data_are_landed_again(source: Path, lake: Path) -> None:
    run(source, lake)
    shop = lake / "shop.toml"
    own = "# ours\nconsent_required = true\nclosed_dates = [2024-12-25]\n"
    shop.write_text(shop.read_text() + own)  # a key of the profile twice: the next landing mends it
    run(source, lake)
    assert shop.read_text().endswith(own) and shop.read_text().count("consent_required =") == 1
    settings = tomllib.loads(shop.read_text())
    assert settings["consent_required"] is True and settings["closed_dates"] == [date(2024, 12, 25)]
    assert settings["last_date"] == date(2015, 5, 3)


@pytest.mark.parametrize("dataset", REAL)
def test_settings_know_every_key_of_every_profile(dataset: str, tmp_path: Path) -> None:
    adapter = load_adapter(dataset)
    (tmp_path / "shop.toml").write_text(shop_toml(adapter.PROFILE, adapter.NOTES))  # type: ignore[attr-defined]
    settings = Settings(lake=tmp_path)
    assert (settings.dataset, settings.currency) == (dataset, adapter.PROFILE["currency"])
    assert set(adapter.NOTES) <= set(adapter.PROFILE)  # type: ignore[attr-defined]
    assert settings.is_historic != settings.is_simulated, "nobody was contacted: the report gives no verdict"


def test_line_rules_go_to_the_shop_file_and_come_back_as_they_were(tmp_path: Path) -> None:
    rules = (
        {"name": 'a "post"', "effect": "postage", "product_id": r"POST\d|DOT"},
        {"name": "b", "effect": "excluded"},
    )
    (tmp_path / "shop.toml").write_text(shop_toml({"line_rules": rules, "dataset": "own"}, {"line_rules": "Which?"}))
    assert tomllib.loads((tmp_path / "shop.toml").read_text()) == {"line_rules": list(rules), "dataset": "own"}
    settings = Settings(lake=tmp_path, line_rules=load_adapter("online-retail").PROFILE["line_rules"])
    assert [rule.effect for rule in settings.line_rules][:2] == ["postage", "excluded"]


def test_the_environment_names_the_lake(source: Path, lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_LAKE", str(lake))
    assert main(["--dataset", "retailrocket", "--source", str(source)]) == 0
    assert (lake / "shop.toml").is_file()


def test_without_lake_the_data_set_names_it(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NIGHTJAR_LAKE", raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(["--dataset", "retailrocket", "--source", str(source)]) == 0
    assert (tmp_path / "lake" / "retailrocket" / "shop.toml").is_file()


def test_a_failed_call_does_not_bind_the_lake(error_line: SimpleNamespace, source: Path, lake: Path) -> None:
    error_line.of("--dataset", "olist", "--lake", lake, "--source", source)
    assert run(source, lake) == 0


def test_an_unknown_data_set_lists_the_known(error_line: SimpleNamespace, lake: Path) -> None:
    line = error_line.of("--dataset", "amazon", "--lake", lake)
    assert line.startswith("error: unknown data set 'amazon'") and all(name in line for name in (*REAL, "simulated"))
    assert not lake.exists()


@pytest.mark.parametrize("dataset", ["online-retail", "olist", "retailrocket"])
def test_a_missing_source_names_the_public_data_to_fetch(error_line: SimpleNamespace, lake: Path, dataset: str) -> None:
    line = error_line.of("--dataset", dataset, "--lake", lake)
    assert f"data set {dataset} needs --source" in line and "csv" in line.lower()
    assert not lake.exists()


@pytest.mark.parametrize("dataset", REAL)
def test_a_source_without_the_files_names_what_is_missing(
    error_line: SimpleNamespace, lake: Path, tmp_path: Path, dataset: str
) -> None:
    (tmp_path / "empty").mkdir()
    assert "needs" in error_line.of("--dataset", dataset, "--lake", lake, "--source", tmp_path / "empty")
    assert "does not exist" in error_line.of("--dataset", dataset, "--lake", lake, "--source", tmp_path / "nowhere")
    assert not (lake / "shop.toml").exists()


def test_a_lake_of_another_data_set_is_refused_untouched(
    error_line: SimpleNamespace, source: Path, lake: Path, tmp_path: Path
) -> None:
    run(source, lake)
    before = contents(lake)
    line = error_line.of("--dataset", "olist", "--lake", lake, "--source", source)
    assert "already holds data set retailrocket" in line
    assert contents(lake) == before


def test_a_lake_of_which_only_the_shop_file_is_left_is_refused_too(
    error_line: SimpleNamespace, source: Path, lake: Path
) -> None:
    lake.mkdir()
    (lake / "shop.toml").write_text('dataset = "own"\n')
    assert "already holds data set own" in error_line.of(
        "--dataset", "retailrocket", "--lake", lake, "--source", source
    )


def test_messages_name_the_options_as_make_does_too(
    error_line: SimpleNamespace, source: Path, lake: Path, tmp_path: Path
) -> None:
    assert "--source (make: SOURCE=)" in error_line.of("--dataset", "simulated", "--lake", lake, "--source", source)
    assert "--source (make: SOURCE=)" in error_line.of("--dataset", "olist", "--lake", lake, "--source", tmp_path)
    assert "--lake (make: LAKE=)" in error_line.of("--dataset", "simulated", "--lake", source / "events.csv")
    assert "--lake (make: LAKE=) is empty" in error_line.of("--dataset", "simulated", "--lake", "")


def test_a_full_disk_is_one_line_and_leaves_no_shop_file(
    error_line: SimpleNamespace, source: Path, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.write_bytes

    def write_bytes(path: Path, data: bytes) -> int:
        if "clickstream" in path.name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    line = error_line.of("--dataset", "retailrocket", "--lake", lake, "--source", source)
    assert line.startswith("error: disk full while writing") and "free some space" in line
    assert not (lake / "shop.toml").exists()
    monkeypatch.undo()
    assert run(source, lake) == 0


def test_a_lake_that_cannot_be_written_is_one_line(error_line: SimpleNamespace, source: Path, lake: Path) -> None:
    lake.write_text("a file, not a folder")
    assert "another --lake" in error_line.of("--dataset", "retailrocket", "--lake", lake, "--source", source)


def test_options_are_refused_where_there_are_none(error_line: SimpleNamespace, source: Path, lake: Path) -> None:
    call = ("--dataset", "retailrocket", "--lake", lake, "--source", source, "--option")
    assert "takes no --option, but got seed" in error_line.of(*call, "seed=7")
    assert "'seed' is not KEY=VALUE" in error_line.of(*call, "seed")


def test_a_wrong_call_is_one_line_without_usage(error_line: SimpleNamespace) -> None:
    assert "--dataset" in error_line.of("--lake", "x")
    assert "--frob" in error_line.of("--dataset", "olist", "--frob", "x")


def test_the_command_exits_2_without_a_traceback(tmp_path: Path) -> None:
    root = Path(land.__file__).parents[2]
    command = [sys.executable, "-m", "jobs.land", "--dataset", "olist", "--lake", str(tmp_path / "lake")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: data set olist needs --source") and done.stderr.count("\n") == 1


def test_business_days_are_right_on_days_of_23_and_25_hours() -> None:
    days = files.BusinessDays("America/New_York", date(2017, 3, 1), date(2017, 11, 30))
    # 2017-03-12 has 23 hours, 2017-11-05 has 25; midnight is 05:00 UTC in winter and 04:00 UTC in summer.
    midnights = {date(2017, 3, 12): 1489294800, date(2017, 3, 13): 1489377600, date(2017, 11, 6): 1509944400}
    assert {day: days.midnights[(day - days.first).days] for day in midnights} == midnights
