"""What runs beside the containers' main processes: secrets, health checks, initialisation."""

import base64
import json
import os
import stat
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType

import pytest

DOCKER = Path(__file__).resolve().parents[2] / "docker"
REPORT = {"metadatabase": {"status": "healthy"}, "scheduler": {"status": "unhealthy"}, "triggerer": {"status": None}}


class Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503 if self.path == "/ill" else 200)
        self.end_headers()
        if self.path == "/report":
            self.wfile.write(json.dumps(REPORT).encode())

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def service() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def values(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_make_env_fills_every_secret_with_another_value(make_env: ModuleType, tmp_path: Path) -> None:
    assert make_env.main(tmp_path) == 0
    example, made = values(DOCKER / ".env.example"), values(tmp_path / ".env")
    secrets = [made[name] for name, value in example.items() if not value]
    assert len(set(secrets)) == len(secrets) == 5
    assert all(len(secret) >= 43 for secret in secrets)
    assert {name: made[name] for name, value in example.items() if value} == {n: v for n, v in example.items() if v}


def test_the_fernet_key_is_one_that_airflow_takes(make_env: ModuleType, tmp_path: Path) -> None:
    make_env.main(tmp_path)
    assert len(base64.urlsafe_b64decode(values(tmp_path / ".env")["AIRFLOW_FERNET_KEY"])) == 32


def test_make_env_keeps_the_file_private_and_never_overwrites_it(make_env: ModuleType, tmp_path: Path) -> None:
    make_env.main(tmp_path)
    before = (tmp_path / ".env").read_text(encoding="utf-8")
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert make_env.main(tmp_path) == 2
    assert (tmp_path / ".env").read_text(encoding="utf-8") == before


def test_a_service_that_answers_is_healthy(healthcheck: ModuleType, service: str) -> None:
    assert healthcheck.problem(f"{service}/anything") is None  # Airflow's scheduler answers with an empty page


def test_a_service_that_answers_ill_or_not_at_all_is_not(healthcheck: ModuleType, service: str) -> None:
    assert "503" in healthcheck.problem(f"{service}/ill")
    assert healthcheck.problem("http://127.0.0.1:9/") is not None
    assert healthcheck.problem("file:///etc/hostname") is not None


def test_a_component_must_be_called_healthy(healthcheck: ModuleType, service: str) -> None:
    assert healthcheck.problem(f"{service}/report", "metadatabase") is None
    for component in ("scheduler", "triggerer", "dag_processor"):
        assert component in healthcheck.problem(f"{service}/report", component)
    assert healthcheck.problem(f"{service}/empty", "scheduler") is not None


def test_init_writes_the_password_for_its_owner_only_and_may_run_again(tmp_path: Path) -> None:
    airflow = tmp_path / "airflow"
    airflow.write_text('#!/bin/sh\necho "$@" >> "$(dirname "$0")/calls"\n', encoding="utf-8")
    airflow.chmod(0o755)
    passwords = tmp_path / "passwords.json"
    environment = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "NIGHTJAR_ADMIN_PASSWORD": 'quo"te',
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
    }
    for _ in range(2):
        subprocess.run(["bash", str(DOCKER / "init.sh")], env=environment, check=True)
    assert (tmp_path / "calls").read_text(encoding="utf-8") == "db migrate\n" * 2
    assert json.loads(passwords.read_text(encoding="utf-8")) == {"admin": 'quo"te'}
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600


def test_init_stops_where_the_database_does(tmp_path: Path) -> None:
    airflow = tmp_path / "airflow"
    airflow.write_text("#!/bin/sh\nexit 7\n", encoding="utf-8")
    airflow.chmod(0o755)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    assert subprocess.run(["bash", str(DOCKER / "init.sh")], env=environment, check=False).returncode == 7
