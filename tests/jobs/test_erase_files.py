"""Campaign files without the erased are as safe to open as they were."""

import json

from features.spreadsheet import csv_text
from jobs.erase_files import erase_exports


def test_what_is_left_of_a_campaign_file_keeps_its_quotes(tmp_path):
    folder = tmp_path / "retention" / "2024-03-01"
    folder.mkdir(parents=True)
    header, gone, left = ("customer_id", "segment"), ("GONE-01", "x"), ("a;=HYPERLINK(1)", "x")
    (folder / "contacts.csv").write_text(csv_text([header, gone, left]))
    (folder / "manifest.json").write_text(json.dumps({"contact_count": 2, "files": {}}))
    assert erase_exports(tmp_path, {"GONE-01"}) == (1, 0)
    assert (folder / "contacts.csv").read_text() == csv_text([header, left])
    assert '"a;=HYPERLINK(1)"' in (folder / "contacts.csv").read_text()
