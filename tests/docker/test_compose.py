"""compose.yaml against the rest of the repository. No container engine is needed, nor the network."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKER = REPOSITORY / "docker"
TEXT = (DOCKER / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if name != "postgres"}
ONE_SHOT = ("airflow-init", "jobs")
#: Read by dags/, by the image's init, by PostgreSQL's image, by MLflow, by Spark's scripts, by Python.
OTHER_NAMES = {
    "NIGHTJAR_HOME",
    "NIGHTJAR_ADMIN_PASSWORD",
    *("POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD"),
    *("MLFLOW_DISABLE_TELEMETRY", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"),
    *("SPARK_DAEMON_MEMORY", "SPARK_MASTER_OPTS", "SPARK_WORKER_CORES", "SPARK_WORKER_MEMORY", "SPARK_WORKER_OPTS"),
    *("PATH", "PYTHONPATH"),
}


def example() -> dict[str, str]:
    """Variables of .env.example."""
    lines = (DOCKER / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def variables() -> dict[str, str]:
    """Each ${NAME...} of compose.yaml with what follows the name."""
    return dict(re.findall(r"(?<!\$)\$\{(\w+)(.*?)\}", TEXT))


def environment() -> dict[str, dict[str, str]]:
    """What each service's processes see."""
    return {name: service.get("environment", {}) for name, service in SERVICES.items()}


def is_airflow_option(name: str) -> bool:
    from airflow.configuration import conf

    if name == "AIRFLOW_CONN_SPARK_DEFAULT":
        return True
    parts = name.split("__")
    return len(parts) == 3 and parts[0] == "AIRFLOW" and parts[2].lower() in _options(conf, parts[1].lower())


def _options(conf: Any, section: str) -> set[str]:
    return set(conf.configuration_description.get(section, {}).get("options", {}))


def test_env_example_and_compose_name_the_same_variables() -> None:
    assert set(variables()) == set(example())


def test_defaults_in_compose_are_those_of_env_example() -> None:
    given = {name: rest.removeprefix(":-") for name, rest in variables().items() if rest.startswith(":-")}
    assert given == {name: value for name, value in example().items() if value}


def test_a_variable_without_a_default_stops_compose_and_says_what_to_do() -> None:
    required = {name: rest for name, rest in variables().items() if not rest.startswith(":-")}
    assert set(required) == {name for name, value in example().items() if not value}
    assert set(required.values()) == {":?run python docker/make_env.py first"}


def test_secrets_come_from_the_environment_only() -> None:
    secret = re.compile(r"PASSWORD$|SECRET|FERNET|TOKEN|PRIVATE")
    for service, given in environment().items():
        for name, value in given.items():
            if secret.search(name):
                assert value.startswith("${"), f"{service}: {name}"
            assert not re.search(r"://[^/@\s]*:[^$@/\s][^@/\s]*@", str(value)), (
                f"{service}: {name} has a password in it"
            )
    for path in DOCKER.iterdir():
        if path.name != ".env" and path.is_file() and path.suffix not in (".lock", ".py"):
            text = path.read_text(encoding="utf-8")
            words = re.findall(r"[A-Za-z0-9+_=-]{32,}", text)
            assert not [
                w for w in words if re.search(r"\d", w) and re.search(r"[a-z]", w) and re.search(r"[A-Z]", w)
            ], path.name
            assert "PRIVATE KEY" not in text, path.name


def test_every_role_runs_the_one_image() -> None:
    assert len({service["image"] for service in OURS.values()}) == 1
    assert [name for name, service in SERVICES.items() if "build" in service] == ["airflow-init"]


def test_ports_are_published_on_loopback_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_service_has_a_health_check_or_ends_by_itself() -> None:
    for name, service in SERVICES.items():
        if name in ONE_SHOT:
            assert service["restart"] == "no"
            assert "healthcheck" not in service
        else:
            assert service["restart"] == "unless-stopped"
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_every_service_has_limits_and_small_rights() -> None:
    for name, service in SERVICES.items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service and "user" not in service, name
    for name, service in OURS.items():
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"], name


def test_what_a_service_waits_for_can_come_about() -> None:
    for service in SERVICES.values():
        for other, wanted in service.get("depends_on", {}).items():
            ends = other in ONE_SHOT
            assert wanted["condition"] == ("service_completed_successfully" if ends else "service_healthy")


def test_every_environment_name_is_known_to_who_reads_it() -> None:
    settings = {f"NIGHTJAR_{name.upper()}" for name in Settings.model_fields}
    for service, given in environment().items():
        for name in given:
            known = name in settings or name in OTHER_NAMES or is_airflow_option(name)
            assert known, f"{service}: {name}"


def test_settings_accept_what_the_jobs_get(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment()["jobs"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value))
    settings = Settings()
    assert settings.engine == "spark"
    assert settings.spark_conf["spark.executor.memory"] == "2g"


def test_airflow_jobs_and_workers_name_the_same_master() -> None:
    scheduler = environment()["airflow-scheduler"]
    master = scheduler["NIGHTJAR_SPARK_MASTER"]
    assert json.loads(scheduler["AIRFLOW_CONN_SPARK_DEFAULT"]) == {"conn_type": "spark", "host": master}
    assert environment()["jobs"]["NIGHTJAR_SPARK_MASTER"] == master == SERVICES["spark-worker"]["command"][-1]
    command = SERVICES["spark-master"]["command"]
    assert master == f"spark://{command[command.index('--host') + 1]}:{command[command.index('--port') + 1]}"


def test_airflow_counts_days_in_the_business_time_zone() -> None:
    scheduler = environment()["airflow-scheduler"]
    assert scheduler["AIRFLOW__CORE__DEFAULT_TIMEZONE"] == scheduler["NIGHTJAR_BUSINESS_TIMEZONE"]


def test_all_parts_of_airflow_share_settings_database_and_keys() -> None:
    airflow = {name: given for name, given in environment().items() if name.startswith("airflow-")}
    common = airflow["airflow-scheduler"]
    assert len(airflow) == 5
    for name, given in airflow.items():
        assert common.items() <= given.items(), name


def test_the_lake_is_mounted_where_jobs_and_executors_look_for_it() -> None:
    lake = re.search(r"NIGHTJAR_LAKE=(\S+)", (DOCKER / "Dockerfile").read_text(encoding="utf-8"))
    assert lake
    users = {
        name for name, service in SERVICES.items() if any(v.endswith(f":{lake[1]}") for v in service.get("volumes", []))
    }
    assert users == {"airflow-scheduler", "spark-worker", "jobs"}
