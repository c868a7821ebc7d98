"""What a landing file's header must hold before a row of its source is written."""

from typing import TYPE_CHECKING

from jobs.errors import ContractError
from jobs.landing_files import LandingFile
from schemas.raw import landing_columns

if TYPE_CHECKING:
    from schemas.contract import Table


def check_headers(table: "Table", files: list[LandingFile]) -> None:
    """Refuse the source when a file lacks a required column, or has a column of the table twice."""
    from features.landing import header_of

    known = {column.name for column in landing_columns(table)}
    required = {column.name for column in landing_columns(table) if column.is_required} - {"event_id"}
    for file in files:
        header = header_of(file.path)
        if header is None:
            continue
        if doubled := sorted({name for name in header if name in known and header.count(name) > 1}):
            raise ContractError(
                f"{file.name}: column {', '.join(doubled)} stands there twice; nothing of the run was written"
            )
        if missing := sorted(required - set(header)):
            raise ContractError(
                f"{file.name}: required column {', '.join(missing)} missing; nothing of the run was written"
            )
