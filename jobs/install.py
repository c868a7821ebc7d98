"""Make `.venv` with the versions of requirements.lock: `python3.11 -m jobs.install [--extra spark] [--extra dev]`.

Uses Python's own library only, for a fresh machine starts here. Every file is checked against the lock's hashes, and a
package that the lock does not name is refused. What is installed already costs nothing; a changed lock installs anew.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import venv
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
LOCK = HOME / "requirements.lock"
PROJECT = HOME / "pyproject.toml"
VENV = HOME / ".venv"
PYTHON = VENV / "bin" / "python"
DONE = VENV / "nightjar.json"  # which lock and extras are installed; written last
SUPPORTED = ((3, 11), (3, 14))  # from, below; as requires-python says
PATIENCE_SECONDS = 15  # without a word, after which a line says that the installation is still alive
FAILED = 2

TROUBLES = (
    (r"No space left|os error 28|Errno 28", "the disk is full: free 4 GB for .venv and uv's cache, then run it again"),
    (r"(?i)hash", "a package is not the one that requirements.lock names: ask who runs your package mirror"),
    (
        r"(?i)error sending request|failed to fetch|dns|connect|timed out|network|proxy|from versions: none",
        "the packages could not be fetched: check the network, HTTPS_PROXY, and PIP_INDEX_URL or UV_DEFAULT_INDEX "
        "where you use a mirror, then run it again",
    ),
)


class InstallError(Exception):
    """The installation cannot go on; the message is one line that says what to do."""


def say(line: str) -> None:
    """Write one line of progress, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def state(extras: set[str]) -> dict[str, object]:
    """What a finished installation of the lock with these extras leaves in `DONE`."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    wanted = json.dumps([project["dependencies"], project["optional-dependencies"]]).encode()
    return {"lock": hashlib.sha256(LOCK.read_bytes() + wanted).hexdigest(), "extras": sorted(extras)}


def installed() -> dict[str, object]:
    """What is installed, nothing where `.venv` is missing, half made or of an unsupported Python."""
    low, high = SUPPORTED
    probe = f"import sys; sys.exit(not {low} <= sys.version_info[:2] < {high})"
    try:
        if subprocess.run([str(PYTHON), "-c", probe], capture_output=True, check=False).returncode == 0:
            return dict(json.loads(DONE.read_text()))
    except (OSError, ValueError):
        pass
    return {}


def run(command: list[str], environment: dict[str, str]) -> None:
    """Run, pass on what tells of progress, and turn a failure into one line."""
    said: list[str] = []
    begin = heard = time.monotonic()
    over = threading.Event()

    def keep_alive() -> None:
        nonlocal heard
        while not over.wait(1):
            if time.monotonic() - heard > PATIENCE_SECONDS:
                heard = time.monotonic()
                say(f"  ... {heard - begin:.0f} s")

    threading.Thread(target=keep_alive, daemon=True).start()
    with subprocess.Popen(
        command,
        cwd=HOME,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            said.append(line.strip())
            if re.match(r"\s*(Resolved|Downloading|Building|Prepared|Installed|Bytecode compiled)", line):
                heard = time.monotonic()
                say(f"  {line.strip()}")
    over.set()
    if process.returncode:
        raise InstallError(trouble(said))


def trouble(said: list[str]) -> str:
    """One line on why an installer failed, and what to do."""
    text = "\n".join(said)
    last = next((line for line in reversed(said) if line), "it said nothing")
    return next(
        (advice for sign, advice in TROUBLES if re.search(sign, text)), f"the installation failed: {last[:300]}"
    )


def make_environment(extras: set[str]) -> None:
    """Bring `.venv` to the lock's versions."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    if not PYTHON.exists() or not installed():
        say(f"making .venv with Python {sys.version.split()[0]}")
        try:
            venv.EnvBuilder(clear=True, symlinks=True, with_pip=True).create(VENV)
        except subprocess.CalledProcessError:
            name = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
            raise InstallError(f"this Python cannot make environments: install {name}, then run it again") from None
    DONE.unlink(missing_ok=True)
    fetch_uv(environment)
    say(f"installing packages ({', '.join(['base', *sorted(extras)])}) into .venv")
    command = [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON), "--compile-bytecode"]
    command += ["--requirement", str(PROJECT), "--constraint", str(LOCK), "--require-hashes"]
    command += ["--build-constraint", str(LOCK)]
    for extra in sorted(extras):
        command += ["--extra", extra]
    run(command, environment)
    DONE.write_text(json.dumps(state(extras)))


def fetch_uv(environment: dict[str, str]) -> None:
    """Let pip fetch the installer that the lock names, and let it use pip's mirror."""
    found = re.search(r"^uv==.*(?:\n .*)*", LOCK.read_text(), re.MULTILINE)
    if not found:
        raise InstallError("requirements.lock does not name uv: run `make lock`")
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as requirement:
        requirement.write(found[0] + "\n")
        requirement.flush()
        pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
        run([*pip, "install", "--quiet", "--retries", "2", "--require-hashes", "-r", requirement.name], environment)
    mirror = subprocess.run([*pip, "config", "get", "global.index-url"], capture_output=True, text=True, check=False)
    if mirror.returncode == 0 and mirror.stdout.strip():
        environment.setdefault("UV_DEFAULT_INDEX", mirror.stdout.strip())


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m jobs.install", description="Make .venv from requirements.lock.")
    parser.add_argument("--extra", action="append", default=[], choices=("spark", "dev"))
    asked = set(parser.parse_args(arguments).extra)
    begin = time.monotonic()
    try:
        found = installed()
        extras = asked | set(found.get("extras", []))  # type: ignore[call-overload]
        if found == state(extras):
            return 0
        make_environment(extras)
    except InstallError as error:
        sys.stderr.write(f"error: {error}\n")
        return FAILED
    except OSError as error:
        sys.stderr.write(f"error: {trouble([str(error)])}\n")
        return FAILED
    say(f"set-up done seconds={time.monotonic() - begin:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
