import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jobs import jars
from jobs.errors import MissingInputError

pytest.importorskip("delta", reason="delta-spark is not installed")


def put_java(folder: Path, answer: str, monkeypatch: pytest.MonkeyPatch, code: int = 0) -> None:
    """Make `java -version` say the answer."""
    (folder / "bin").mkdir(parents=True)
    java = folder / "bin" / "java"
    java.write_text(f"#!/bin/sh\necho '{answer}' >&2\nexit {code}\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(folder))


def put_libraries(folder: Path, but: str = "none") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in jars.missing_libraries(folder):
        if but not in name:
            (folder / f"{name}.jar").write_bytes(b"PK")


@pytest.mark.parametrize("answer", ['openjdk version "17.0.15" 2025-04-15', 'java version "21" 2023-09-19 LTS'])
def test_java_17_and_21_are_accepted(answer, tmp_path, monkeypatch):
    put_java(tmp_path, answer, monkeypatch)
    assert jars.java_problem() is None


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ('java version "1.8.0_392"', 0, "is Java 1"),
        ('openjdk version "25" 2025-09-16', 0, "is Java 25"),
        ("unreadable", 0, "-version fails"),
        ('openjdk version "17.0.1"', 1, "-version fails"),
    ],
)
def test_another_java_is_told_in_one_line(answer, code, said, tmp_path, monkeypatch):
    put_java(tmp_path, answer, monkeypatch, code)
    problem = jars.java_problem()
    assert problem is not None and said in problem and "install Java 17 or 21" in problem and "\n" not in problem


def test_no_java_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    problem = jars.java_problem()
    assert problem is not None and "does not run" in problem and "\n" not in problem


def test_no_java_ends_with_exit_code_2(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    with caplog.at_level(logging.ERROR):
        assert jars.main(["--into", str(tmp_path / "jars")]) == 2
    assert len(caplog.records) == 1 and "Java 17 or 21" in caplog.text


def test_a_full_folder_is_left_alone_even_without_java(tmp_path, monkeypatch):
    put_libraries(tmp_path / "jars")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    assert jars.main(["--into", str(tmp_path / "jars")]) == 0
    assert jars.jars_problem(tmp_path / "jars") is None


def test_a_folder_that_lacks_one_library_names_it_and_the_command(tmp_path):
    put_libraries(tmp_path, but="delta-storage")
    problem = jars.jars_problem(tmp_path)
    assert problem is not None and "delta-storage" in problem and f"jobs.jars --into {tmp_path}" in problem


def test_a_resolve_replaces_the_libraries_of_another_version_and_leaves_no_scratch(tmp_path, monkeypatch):
    into = tmp_path / "jars"
    into.mkdir()
    (into / "io.delta_delta-storage-3.0.0.jar").write_bytes(b"PK")
    (into / "other.jar").write_bytes(b"PK")

    def resolve(scratch: Path, ivy_settings: Path | None) -> str:
        put_libraries(scratch / "ivy" / "jars")
        (scratch / "ivy" / "jars" / "org.slf4j_slf4j-api-2.0.13.jar").write_bytes(b"PK")
        return ""

    monkeypatch.setattr(jars, "java_problem", lambda: None)
    monkeypatch.setattr(jars, "_resolve", resolve)
    assert jars.main(["--into", str(into)]) == 0
    names = sorted(path.name for path in into.iterdir())
    assert len(names) == len(jars.LIBRARIES) + 1 and "other.jar" in names
    assert not [name for name in names if "3.0.0" in name or "slf4j" in name]


def test_a_resolve_that_brings_too_little_leaves_the_old_libraries(tmp_path, monkeypatch):
    into = tmp_path / "jars"
    into.mkdir()
    (into / "io.delta_delta-storage-3.0.0.jar").write_bytes(b"PK")
    monkeypatch.setattr(jars, "java_problem", lambda: None)
    said = "a\n:: unresolved dependency: io.delta#x: not found\nb"
    monkeypatch.setattr(jars, "_resolve", lambda scratch, ivy_settings: said)
    with pytest.raises(MissingInputError, match=r"with network.*unresolved dependency"):
        jars.fetch(into)
    assert [path.name for path in into.iterdir()] == ["io.delta_delta-storage-3.0.0.jar"]


@pytest.mark.spark
@pytest.mark.skipif(shutil.which("java") is None, reason="no Java")
def test_without_network_one_line_says_what_to_do_and_the_maven_folder_is_not_asked(tmp_path):
    """A repository that is an empty folder stands for the missing network."""
    settings = tmp_path / "ivysettings.xml"
    settings.write_text(
        f'<ivysettings><settings defaultResolver="empty"/><resolvers><filesystem name="empty" m2compatible="true">'
        f'<artifact pattern="{tmp_path}/empty/[organisation]/[module]/[revision]/[artifact]-[revision].[ext]"/>'
        "</filesystem></resolvers></ivysettings>"
    )
    done = subprocess.run(
        [sys.executable, "-m", "jobs.jars", "--into", str(tmp_path / "jars"), "--ivy-settings", str(settings)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(Path(jars.__file__).parents[1])},
        check=False,
    )
    assert done.returncode == MissingInputError.exit_code, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and "with network" in lines[0] and "unresolved dependency" in lines[0]
    assert not any((tmp_path / "jars").iterdir())
