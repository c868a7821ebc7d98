"""Fetch Delta's Java libraries once, for engine `spark`: `python -m jobs.jars --into .jars`.

Spark can resolve them at every session start, which costs seconds, needs the network each night, and trusts the user's
own Maven folder, where a description without its library fails the resolve. So they are resolved here, in a folder of
their own, and the session then takes them from disk. Engine `sail` needs none of this.
"""

import argparse
import importlib.util
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from jobs.errors import MissingInputError

log = logging.getLogger(__name__)

JAVA_VERSIONS = (17, 21)
SCALA_VERSION = "2.13"
RESOLVE_SECONDS = 600
# Delta's own libraries and no others: Spark brings the rest, and the older Jackson that Delta names would hide Spark's.
PREFIX = "io.delta_"
LIBRARIES = ("delta-spark", "delta-storage", "delta-kernel-api", "delta-kernel-defaults", "delta-kernel-unitycatalog")
NOT_WANTED = (
    "com.fasterxml.jackson.core:*",
    "com.fasterxml.jackson.datatype:*",
    "io.unitycatalog:*",
    "org.apache.hadoop:*",
    "org.apache.logging.log4j:*",
    "org.apache.parquet:*",
    "org.locationtech.jts:*",
    "org.roaringbitmap:*",
    "org.slf4j:*",
)


def java_problem() -> str | None:
    """Return why Spark cannot run with the Java found here, in one line; None where it can."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else "java"
    wanted = " or ".join(map(str, JAVA_VERSIONS))
    advice = f'install Java {wanted} and put it on PATH or name it in JAVA_HOME, or use NIGHTJAR_ENGINE="sail"'
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return f"engine spark needs Java {wanted}, and {java} does not run: {advice}"
    found = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    if answer.returncode or not found:
        return f"engine spark needs Java {wanted}, and {java} -version fails: {advice}"
    if int(found[1]) not in JAVA_VERSIONS:
        return f"engine spark needs Java {wanted}, and {java} is Java {found[1]}: {advice}"
    return None


def jars_problem(folder: Path) -> str | None:
    """Return why the folder cannot serve a session, in one line; None where all libraries are there."""
    missing = missing_libraries(folder)
    if not missing:
        return None
    return f"{folder} lacks {', '.join(missing)}: run `python -m jobs.jars --into {folder}` once, with network"


def missing_libraries(folder: Path) -> list[str]:
    """Return the libraries of the installed Delta version that the folder does not hold."""
    return [name for name in _file_stems() if not (folder / f"{name}.jar").is_file()]


def fetch(into: Path, ivy_settings: Path | None = None) -> list[Path]:
    """Bring all libraries into the folder and return them; where they are already there, touch nothing."""
    if not missing_libraries(into):
        return _files(into)
    if problem := java_problem():
        raise MissingInputError(problem)
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=".resolve-") as scratch:
        said = _resolve(Path(scratch), ivy_settings)
        resolved = Path(scratch, "ivy", "jars")
        if lacking := missing_libraries(resolved):
            raise MissingInputError(
                f"Delta's libraries could not be resolved ({', '.join(lacking)} missing): run this once on a machine "
                f"with network, or copy {into} from one, or name your own repository with --ivy-settings FILE; "
                f"{_last_word(said)}"
            )
        for old in into.glob(f"{PREFIX}*.jar"):  # another version's: two on one class path is worse than none
            old.unlink()
        for jar in _files(resolved):
            shutil.move(jar, into / jar.name)
    return _files(into)


def _file_stems() -> list[str]:
    delta = _version_of("delta-spark")
    spark = ".".join(_version_of("pyspark").split(".")[:2])
    names = {"delta-spark": f"delta-spark_{spark}_{SCALA_VERSION}"}
    return [f"{PREFIX}{names.get(library, library)}-{delta}" for library in LIBRARIES]


def _files(folder: Path) -> list[Path]:
    return [folder / f"{stem}.jar" for stem in _file_stems()]


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError as error:
        raise MissingInputError(
            f"{package} is not installed: install the extra `spark` of this project first"
        ) from error


def _resolve(scratch: Path, ivy_settings: Path | None) -> str:
    """Let Spark's own Ivy fill scratch/ivy/jars, running a script that does nothing; return what it said."""
    nothing = scratch / "nothing.py"
    nothing.touch()
    spark = importlib.util.find_spec("pyspark")
    if spark is None or spark.origin is None:
        raise MissingInputError("pyspark is not installed: install the extra `spark` of this project first")
    home = Path(spark.origin).parent
    delta = _version_of("delta-spark")
    minor = ".".join(_version_of("pyspark").split(".")[:2])
    command = [str(home / "bin" / "spark-submit"), "--master", "local[1]"]
    command += ["--packages", f"io.delta:delta-spark_{minor}_{SCALA_VERSION}:{delta}"]
    command += ["--exclude-packages", ",".join(NOT_WANTED)]
    command += ["--conf", f"spark.jars.ivy={scratch / 'ivy'}"]
    # A home of its own: else Ivy asks ~/.m2 first and stops at a description that lies there without its library.
    command += ["--driver-java-options", f"-Duser.home={scratch}"]
    if ivy_settings:
        command += ["--conf", f"spark.jars.ivySettings={ivy_settings}"]
    environment = {**os.environ, "SPARK_HOME": str(home), "PYSPARK_PYTHON": sys.executable}
    environment.pop("SPARK_REMOTE", None)  # a client of a remote session may not name packages
    try:
        done = subprocess.run(
            [*command, str(nothing)],
            capture_output=True,
            text=True,
            env=environment,
            timeout=RESOLVE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {RESOLVE_SECONDS} s"
    return done.stdout + done.stderr


def _last_word(said: str) -> str:
    """Return the line that tells most about a failed resolve, for the end of an error message."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if "unresolved dependency" in line or line.startswith("Exception")]
    return f"Spark said: {(telling or lines or ['nothing'])[-1][:200]}"


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m jobs.jars", description="Fetch Delta's Java libraries once, for engine spark."
    )
    parser.add_argument("--into", type=Path, default=Path(".jars"), help="folder that will hold them (default: .jars)")
    parser.add_argument("--ivy-settings", type=Path, help="Ivy settings file naming your own repositories")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        jars = fetch(options.into.resolve(), options.ivy_settings)
    except MissingInputError as error:
        log.error("%s", error)
        return error.exit_code
    log.info("step=jars folder=%s files=%d bytes=%d", options.into, len(jars), sum(jar.stat().st_size for jar in jars))
    return 0


if __name__ == "__main__":
    sys.exit(main())
