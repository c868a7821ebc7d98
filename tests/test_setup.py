import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from jobs import install, nightly

HOME = Path(__file__).resolve().parents[1]
LOCK = (HOME / "requirements.lock").read_text()
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
DIRECT = [*PROJECT["dependencies"], *(line for lines in PROJECT["optional-dependencies"].values() for line in lines)]
LOCKED = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", LOCK, re.MULTILINE))


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTJAR_", "MAKE"))}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=HOME,
        env={**plain, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refusal(*options: str, goal: str = "nightly", **environment: str) -> str:
    """The one line that a refused command says; the rest is make's own."""
    done = make(goal, f"PYTHON={sys.executable}", *options, **environment)
    assert done.returncode != 0
    assert done.stdout == ""
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(said) == 1, done.stderr
    return said[0]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    (tmp_path / "shop.toml").write_text('dataset = "simulated"\nfirst_date = 2024-01-01\nlast_date = 2024-03-31\n')
    return tmp_path


def test_the_lock_names_no_registry() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^\s*-(-index-url|-extra-index-url|-find-links|i|f)\b", LOCK, re.MULTILINE)


def test_every_package_of_the_lock_has_hashes() -> None:
    blocks = re.findall(r"^(\S+)==\S+.*((?:\n .*)*)", LOCK, re.MULTILINE)
    assert len(blocks) > 100
    assert [name for name, rest in blocks if "--hash=sha256:" not in rest] == []


def test_every_package_has_one_version_for_all_pythons() -> None:
    names = re.findall(r"^([a-z0-9._-]+)==", LOCK, re.MULTILINE)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("requirement", DIRECT)
def test_every_direct_dependency_is_locked_and_explained(requirement: str) -> None:
    name = re.split(r"[<>=]", requirement)[0]
    assert name in LOCKED
    assert f"`{name}`" in (HOME / "docs" / "dependencies.md").read_text()


@pytest.mark.parametrize("requirement", [one for one in DIRECT if re.search(r"==[\d.]+$", one)])
def test_fixed_versions_are_the_locked_ones(requirement: str) -> None:
    name, version = requirement.split("==")
    assert LOCKED[name] == version


def test_both_pysparks_are_of_one_version() -> None:
    assert LOCKED["pyspark"] == LOCKED["pyspark-client"]


def test_documented_versions_are_the_locked_ones() -> None:
    page = (HOME / "docs" / "dependencies.md").read_text()
    told = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (\d\S*) \|", page, re.MULTILINE))
    assert len(told) > 20
    assert {name: LOCKED[name] for name in told} == told


def test_supported_pythons_are_told_alike() -> None:
    (low, high) = install.SUPPORTED
    assert PROJECT["requires-python"] == f">={low[0]}.{low[1]},<{high[0]}.{high[1]}"
    makefile = (HOME / "Makefile").read_text()
    assert f"{low} <= sys.version_info < {high}" in makefile
    for minor in range(low[1], high[1]):
        assert f"python3.{minor}" in makefile


def test_make_alone_lists_the_commands() -> None:
    said = make(f"PYTHON={sys.executable}").stdout
    assert all(f"make {goal} " in said for goal in ("nightly", "night", "test", "check", "bench", "clean"))


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("DATASET=groceries", "unknown DATASET=groceries: choose one of complete-journey, simulated"),
        ("ENGINE=flink", "unknown ENGINE=flink: choose sail"),
        ("NIGHTS=0", "NIGHTS=0 is not a number of nights"),
        ("NIGHTS=-3", "NIGHTS=-3 is not a number of nights"),
        ("NIGHTS=three", "NIGHTS=three is not a number of nights"),
        ("AS_OF=2017-02-30", "AS_OF=2017-02-30 is not a date: write it as YYYY-MM-DD"),
        ("SOURCE=/no/such/place", "SOURCE=/no/such/place does not exist"),
    ],
)
def test_a_wrong_option_is_told_in_one_line(option: str, said: str, tmp_path: Path) -> None:
    assert refusal(option, f"LAKE={tmp_path}").startswith(f"error: {said}")


@pytest.mark.parametrize("goal", ["nightly", "night"])
@pytest.mark.parametrize(("place", "said"), [("", "LAKE= is empty: name a folder"), ("README.md", "is a file: give a")])
def test_a_lake_that_can_be_no_folder_is_told_before_anything_is_installed(goal: str, place: str, said: str) -> None:
    assert said in refusal(f"LAKE={place}", goal=goal)


@pytest.mark.parametrize("dataset", ["online-retail", "olist", "retailrocket"])
def test_a_missing_source_is_told_before_anything_is_installed(dataset: str, tmp_path: Path) -> None:
    said = refusal(f"DATASET={dataset}", f"LAKE={tmp_path}")
    assert said.startswith(f"error: data set {dataset} needs SOURCE=dir with ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("AS_OF=2024-04-01",), "AS_OF=2024-04-01 is outside the data"),
        (("AS_OF=2023-12-31",), "AS_OF=2023-12-31 is outside the data"),
        (("NIGHTS=91",), "NIGHTS=91 is longer than the history from 2024-01-01 to 2024-03-31: choose 90 or less"),
        (("AS_OF=2024-01-01",), "NIGHTS=3 is longer than the history from 2024-01-01 to 2024-01-01: choose a later"),
        (("DATASET=olist",), ""),
    ],
)
def test_options_that_the_lake_cannot_serve_are_refused(lake: Path, options: tuple[str, ...], said: str) -> None:
    told = refusal("DATASET=simulated", *options, f"LAKE={lake}")
    assert told.startswith(f"error: {said or f'{lake} holds data set simulated'}")


def test_all_of_a_short_history_but_its_first_day_can_be_nights(lake: Path) -> None:
    given = ["all", "--check-only", "--dataset", "simulated", "--lake", str(lake), "--nights", "90"]
    assert nightly.main(given) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = = 1", "shop.toml can't be read: "),
        ('title = "caf\xe9"', "shop.toml can't be read: "),
        ("first_date = 2024-01-01\nlast_date = 2024-03-31", "shop.toml names no dataset"),
        ('dataset = "simulated"\nlast_date = 2024-03-31', "shop.toml needs first_date and last_date"),
        ('dataset = "simulated"\nfirst_date = "x"\nlast_date = 2024-03-31', "needs first_date and last_date"),
    ],
)
def test_a_damaged_shop_file_is_told_in_one_line(
    lake: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (lake / "shop.toml").write_text(text, "latin-1")
    assert nightly.main(["night", "--check-only", "--dataset", "simulated", "--lake", str(lake)]) == nightly.USAGE
    told = capsys.readouterr().err
    assert told.startswith("error: ") and told.count("\n") == 1 and said in told


def test_a_night_needs_a_lake(tmp_path: Path) -> None:
    assert "is no lake yet: run `make nightly`" in refusal(f"LAKE={tmp_path / 'none'}", goal="night")


def test_engine_spark_without_java_is_refused(tmp_path: Path) -> None:
    said = refusal("ENGINE=spark", f"LAKE={tmp_path}", JAVA_HOME=str(tmp_path))
    assert said.startswith("error: engine spark needs Java 17 or 21")
    assert "ENGINE=sail" in said


def test_no_python_is_told_in_one_line() -> None:
    done = make("setup", "PYTHON=")
    assert done.returncode != 0
    assert done.stderr.startswith("error: no Python 3.11, 3.12 or 3.13 found: install one")


def test_the_nights_are_the_newest_and_training_stands_before_them(lake: Path) -> None:
    options = nightly.Options("simulated", None, lake, None, 2, "sail")
    commands = [step.command[1:] for step in nightly.steps_after(options)]
    assert commands == [
        ["-m", "jobs.backfill", "--to", "2024-03-29"],
        ["-m", "jobs.train", "--as-of", "2024-03-29"],
        [str(HOME / "dags" / "run.py"), "nightly", "2024-03-30", "2024-03-31"],
        ["-m", "jobs.show", "--as-of", "2024-03-31"],
    ]


@pytest.fixture
def finish(lake: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`finish(*days)`: nights of March 2024 that are published and left their files."""

    def make_finished(*days: int) -> None:
        nights = [date(2024, 3, day) for day in days]
        monkeypatch.setattr(nightly, "published_dates", lambda _: nights)
        (lake / "reports").mkdir(exist_ok=True)
        for night in nights:
            folder = lake / "exports" / "retention" / str(night)
            folder.mkdir(parents=True)
            (folder / "manifest.json").touch()
            (lake / "reports" / f"{night}.html").touch()

    return make_finished


def commands_after(lake: Path) -> list[list[str]]:
    options = nightly.Options("simulated", None, lake, None, 2, "sail")
    return [step.command[1:] for step in nightly.steps_after(options)]


def test_finished_nights_are_not_run_again_and_how_to_do_it_is_told(
    lake: Path, finish: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    finish(30, 31)
    assert commands_after(lake) == [["-m", "jobs.show", "--as-of", "2024-03-31"]]
    assert "2024-03-30, 2024-03-31; `make night AS_OF=2024-03-31` runs one again" in capsys.readouterr().out


def test_only_the_nights_that_are_not_finished_are_run(lake: Path, finish: Callable[..., None]) -> None:
    finish(30)
    assert [str(HOME / "dags" / "run.py"), "nightly", "2024-03-31"] in commands_after(lake)


@pytest.mark.parametrize("lost", ["exports/retention/2024-03-30/manifest.json", "reports/2024-03-30.html"])
def test_a_published_night_that_lacks_a_file_is_run_again(lake: Path, finish: Callable[..., None], lost: str) -> None:
    finish(30, 31)
    (lake / lost).unlink()
    assert [str(HOME / "dags" / "run.py"), "nightly", "2024-03-30"] in commands_after(lake)


@pytest.mark.parametrize(
    "before", ["pass", "signal.signal(signal.SIGINT, signal.SIG_IGN)"], ids=["alone", "background"]
)
def test_a_stopped_run_stops_its_step(before: str) -> None:
    step = (
        "import time\ntry:\n print('up', flush=True)\n time.sleep(60)\nexcept KeyboardInterrupt:\n raise SystemExit(7)"
    )
    call = f"nightly.call([sys.executable, '-c', {step!r}], dict(os.environ))"
    driver = f"import os, signal, sys; {before}; from jobs import nightly; sys.exit({call})"
    with subprocess.Popen([sys.executable, "-c", driver], cwd=HOME, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "up\n"
        process.terminate()
        assert process.wait(timeout=30) == 7


def test_the_jobs_hear_of_lake_engine_and_zone(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_BUSINESS_TIMEZONE", "UTC")  # another shop's, left in the shell
    (lake / "shop.toml").write_text('business_timezone = "America/New_York"\n')
    told = nightly.Options("simulated", None, lake, None, 2, "spark").environment
    assert told["NIGHTJAR_LAKE"] == str(lake)
    assert told["NIGHTJAR_ENGINE"] == "spark"
    assert told["NIGHTJAR_BUSINESS_TIMEZONE"] == "America/New_York"


def test_one_night_near_the_first_day_is_not_refused_for_nights_that_it_does_not_run(lake: Path) -> None:
    early = nightly.Options("simulated", None, lake, date(2024, 1, 2), 3, "sail")
    nightly.check_lake(early, "night")
    with pytest.raises(nightly.OptionError, match="NIGHTS=3 is longer"):
        nightly.check_lake(early, "all")


def test_a_landed_data_set_of_our_own_is_not_landed_again(lake: Path, tmp_path: Path) -> None:
    landed = nightly.Options("simulated", None, lake, None, 1, "sail")
    assert list(nightly.steps_before(landed)) == []
    files = nightly.Options("simulated", tmp_path, lake, None, 1, "sail")
    assert [step.command[2] for step in nightly.steps_before(files)] == ["jobs.land"]


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("error: Failed to fetch: `...`\ncause: dns error", "check the network"),
        ("Could not find a version that satisfies uv (from versions: none)", "check the network"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("cause: Hash mismatch for `idna==3.20`", "not the one that requirements.lock names"),
        ("something new", "the installation failed: something new"),
    ],
)
def test_a_failed_installation_says_what_to_do(said: str, advice: str) -> None:
    assert advice in install.trouble(said.splitlines())


def test_a_changed_lock_installs_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = install.state({"dev"})
    changed = tmp_path / "requirements.lock"
    changed.write_text(LOCK + "# newer\n")
    monkeypatch.setattr(install, "LOCK", changed)
    assert install.state({"dev"}) != before


def test_the_data_dictionary_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, "-m", "schemas.dictionary", "--check"], cwd=HOME, check=False)
    assert done.returncode == 0
