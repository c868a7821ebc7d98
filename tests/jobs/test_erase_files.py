"""Campaign files without the erased are as safe to open as they were, and what a killed export left goes."""

import json
import os

import pytest

from features.spreadsheet import csv_text
from jobs import export_campaign
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


@pytest.mark.parametrize("moment", ["before the manifest", "between the two folders"])
def test_what_an_export_killed_midway_left_is_gone_and_stops_no_erasure(moment, tmp_path, monkeypatch):
    folder = tmp_path / "retention" / "2024-03-01"
    text = csv_text([("customer_id", "segment"), ("GONE-01", "x")])
    replace = os.replace

    def die(source, target):
        if source != folder:
            raise KeyboardInterrupt
        replace(source, target)

    def die_at_once(*_, **__):
        raise KeyboardInterrupt

    if moment != "before the manifest":
        export_campaign.write_folder(folder, text, {"contact_count": 1})
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        if moment == "before the manifest":
            broken.setattr(export_campaign.json, "dumps", die_at_once)
        else:
            broken.setattr(export_campaign.os, "replace", die)
        export_campaign.write_folder(folder, text, {"contact_count": 1})
    assert any(path.name.startswith(".") for path in folder.parent.iterdir())
    erase_exports(tmp_path, {"GONE-01"})
    assert not any(folder.parent.iterdir())
