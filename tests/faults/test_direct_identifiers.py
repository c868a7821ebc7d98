"""What tells a person's name or where to reach them is in landing files and raw tables, and nowhere after."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs.erase_texts import texts_of

pytestmark = pytest.mark.slow
# As the simulated shop writes them: name, e-mail, phone, street.
IDENTIFIERS = (b"Musterfrau", b"@example.com", b"+49 30", b"Musterweg")


def holders(lake: Path, identifier: bytes) -> set[str]:
    """First folder of each file that has the bytes, unpacked."""
    files = (path for path in lake.rglob("*") if path.is_file())
    return {path.relative_to(lake).parts[0] for path in files if any(identifier in text for _, text in texts_of(path))}


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_no_file_after_the_raw_layer_has_a_direct_identifier(identifier: bytes, lake_at: Callable[[str], Path]) -> None:
    lake = lake_at("published")
    assert list((lake / "exports").glob("*/*/contacts.csv")) and list((lake / "reports").iterdir())
    assert holders(lake, identifier) == {"landing", "raw_customers"}
