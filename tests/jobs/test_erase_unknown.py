"""An id that nothing names is warned of, among good ones too, and the log names nobody."""

import logging

from tests.jobs.landed import D1, D2, land, line


def warnings(caplog) -> list[str]:
    found = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING and one.name == "nightjar"]
    caplog.clear()
    return found


def test_each_id_that_nothing_names_is_warned_of_once_by_its_place(lake, night, run_job, tmp_path, caplog):
    land(lake, D1, "a.csv", line("1").replace(",c1,", ",GONE-01,"), line("2").replace(",c1,", ",7,"), "x,REFUSED-01")
    night(D1)
    land(lake, D2, "b.csv", line("3").replace(",c1,", ",COMING-01,"))
    ids = tmp_path / "ids.csv"
    ids.write_text("customer_id\nGONE-01\nGONE-O1\n7\nREFUSED-01\nCOMING-01\n8\n")
    run_job("erase", D2, None, "--file", str(ids))
    told = "nothing in the lake names 2 of 6 customers: check the ids (line 3, line 7); from now on they are refused"
    assert warnings(caplog) == [told]
    ids.write_text("GONE-01\nGONE-O1\nMISSED-01\n")
    run_job("erase", D2, None, "--file", str(ids))
    assert warnings(caplog) == [told.replace("2 of 6", "1 of 3").replace("line 3, line 7", "line 3")]
