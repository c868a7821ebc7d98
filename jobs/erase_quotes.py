"""What the search found beside rows: texts that quote an erased customer, blanked where they stand."""

import logging
from collections.abc import Iterable
from pathlib import Path

from jobs import erase_files
from jobs.erase_landing import PARTIAL
from jobs.erase_tables import blank_quotes, forget_versions
from jobs.erase_words import Sought
from jobs.tables import Run
from models.registry import forget_run
from schemas.tables import TABLES

log = logging.getLogger("nightjar")
TEXTS = (".html", ".json", ".csv", ".txt", ".log", ".md")


def blank_all(run: Run, found: Iterable[Path], sought: Sought) -> None:
    """Blank names in columns of tables and in pages; a model that has learned one goes, for its files are sealed."""
    lake = run.settings.lake
    paths = {path: path.relative_to(lake).parts for path in found}
    for table in TABLES:
        files = [path for path, parts in paths.items() if parts[0] == table.name]
        if files and run.exists(table):
            blank_quotes(run, table, [path for path in files if path.suffix == ".parquet"], sought)
            forget_versions(run, table)
    names = {table.name for table in TABLES}
    for path, parts in paths.items():
        if parts[:2] == ("models", "artifacts") and len(parts) > 3:
            _forget_model(run, path, parts[2])
        elif parts[0] not in names and path.suffix in TEXTS and not path.name.endswith(PARTIAL):
            erase_files.blank_quotes(path, sought)


def _forget_model(run: Run, path: Path, run_id: str) -> None:
    """Delete the model that a file belongs to; where it is no model's, the file alone."""
    if models := forget_run(run_id, run.settings.tracking_uri):
        log.warning("models=%s quoted an erased customer and is deleted; run `python -m jobs.train`", ",".join(models))
    path.unlink(missing_ok=True)
