"""Conform as a job: any subset of sources, reruns and kills leave the same rows, and the present state follows."""

import shutil
from datetime import UTC, date, datetime, timedelta

import pytest
from deltalake import DeltaTable, write_deltalake

from jobs import conform, identities, tables
from jobs.errors import TemporaryError
from jobs.pseudonyms import pseudonym
from schemas.clean import (
    CLEAN_CONSENT,
    CLEAN_CUSTOMERS,
    CLEAN_EVENTS,
    CLEAN_ORDER_LINES,
    CLEAN_ORDERS,
    CLEAN_PRODUCTS,
    CLEAN_REVIEWS,
    CLEAN_SESSIONS,
)
from schemas.ops import OPS_RUN
from schemas.raw import (
    RAW_CLICKSTREAM,
    RAW_CUSTOMERS,
    RAW_EXCHANGE_RATES,
    RAW_PAYMENTS,
    RAW_REVIEWS,
    RAW_TRANSACTIONS,
)
from schemas.score import CUSTOMER_360

D1 = date(2024, 3, 1)
D2 = D1 + timedelta(days=1)


def on(day: date, event_id: str, hour: int = 10, brought: date | None = None, **more) -> dict:
    when = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    return {"event_id": event_id, "event_at": when, "event_date": day, "ingest_date": brought or day} | more


SALE = on(D1, "s", order_id="o", customer_id="c", product_id="p", quantity=1, line_amount=10, line_type="sale")
BACK = on(D2, "r", order_id="x", customer_id="c", product_id="p", quantity=-1, line_amount=-10, line_type="return")
CLICKS = (on(D1, "a", 23, visitor_id="v"), on(D2, "b", 9, visitor_id="v"), on(D1, "late", 23, D2, visitor_id="v"))


@pytest.fixture
def shop(make_run, frame):
    """Two days of three sources."""
    run = make_run(D1, D2)
    run.replace(frame(RAW_TRANSACTIONS, SALE, BACK), RAW_TRANSACTIONS)
    run.replace(frame(RAW_CLICKSTREAM, *CLICKS), RAW_CLICKSTREAM)
    run.replace(frame(RAW_REVIEWS, on(D1, "w", rating=5)), RAW_REVIEWS)
    return run


def state(run) -> dict[str, list]:
    tables = (CLEAN_ORDER_LINES, CLEAN_ORDERS, CLEAN_EVENTS, CLEAN_SESSIONS, CLEAN_REVIEWS)
    return {table.name: sorted(map(str, run.read(table).collect())) for table in tables if run.exists(table)}


def test_the_present_state_follows_a_return_and_a_late_click(shop, run_job):
    run_job("conform", D1)
    [order] = shop.read(CLEAN_ORDERS).collect()
    assert order.is_order and order.last_ingest_date == D1
    run_job("conform", D2)
    [order] = shop.read(CLEAN_ORDERS).collect()
    assert (order.is_order, order.net_amount, order.refund_amount, order.last_ingest_date) == (False, 0, 10, D2)
    events = {row.session_date: row.event_count for row in shop.read(CLEAN_SESSIONS).collect()}
    assert events == {D1: 2, D2: 1}


LONG_AGO, LATER = date(2023, 11, 30), date(2024, 2, 1)
OF_ONE_ORDER = (
    on(LONG_AGO, "first", order_id="o", customer_id="c", product_id="p", quantity=1, line_amount=10, line_type="sale"),
    on(LATER, "more", order_id="o", customer_id="c", product_id="q", quantity=1, line_amount=5, line_type="sale"),
    on(D2, "back", 9, order_id="o", customer_id="c", product_id="p", quantity=-1, line_amount=-10, line_type="return"),
    on(D2, "other", order_id="x", customer_id="c", product_id="p", quantity=1, line_amount=7, line_type="sale"),
)
LATE_CLICKS = (on(LONG_AGO, "a", 23, visitor_id="v"), on(LONG_AGO, "b", 23, D2, visitor_id="v"))


def test_an_order_and_a_session_are_summed_from_all_their_days_however_long_ago(make_run, frame, run_job):
    whole = make_run(LONG_AGO, D2)
    whole.replace(frame(RAW_TRANSACTIONS, *OF_ONE_ORDER), RAW_TRANSACTIONS)
    whole.replace(frame(RAW_CLICKSTREAM, *LATE_CLICKS), RAW_CLICKSTREAM)
    for day in (LONG_AGO, LATER, D2):
        run_job("conform", day)
    order, _ = sorted(whole.read(CLEAN_ORDERS).collect(), key=lambda row: row.order_id)
    assert (order.line_count, order.net_amount, order.order_date) == (2, 5, LONG_AGO)
    assert (order.first_ingest_date, order.last_ingest_date) == (LONG_AGO, D2)
    assert [row.event_count for row in whole.read(CLEAN_SESSIONS).collect()] == [2]
    nightly = state(whole)
    run_job("conform", D2, LONG_AGO)
    assert state(whole) == nightly


def test_a_session_of_three_days_belongs_to_whom_a_clock_ahead_named_on_its_first(make_run, frame, run_job):
    """The click of the second day that came with the first one's run is older than the days that a night looks back."""
    days = [D1 + timedelta(days=number) for number in range(3)]
    ahead = on(days[1], "ahead", 0, brought=days[0], visitor_id="v", customer_id="first")
    named = on(days[1], "named", 2, visitor_id="v", customer_id="second")
    whole = make_run(days[0], days[2])
    clicks = (on(days[0], "begun", 23, visitor_id="v"), ahead, named, on(days[2], "last", 0, visitor_id="v"))
    whole.replace(frame(RAW_CLICKSTREAM, *clicks), RAW_CLICKSTREAM)
    for day in days:
        run_job("conform", day, session_gap_minutes=conform.DAY_MINUTES)
    assert [row.event_count for row in whole.read(CLEAN_SESSIONS).collect()] == [4]
    [last] = whole.read(CLEAN_EVENTS).filter("event_id = 'last'").collect()
    assert last.customer_id == "first"


def test_orders_and_sessions_of_before_their_first_run_was_kept_are_summed_all_the_same(make_run, frame, run_job):
    whole = make_run(LONG_AGO, D2)
    whole.replace(frame(RAW_TRANSACTIONS, *OF_ONE_ORDER), RAW_TRANSACTIONS)
    whole.replace(frame(RAW_CLICKSTREAM, *LATE_CLICKS), RAW_CLICKSTREAM)
    run_job("conform", LATER, LONG_AGO)
    for table in (CLEAN_ORDERS, CLEAN_SESSIONS):
        stored = DeltaTable(str(whole.path(table)))
        stored.update(updates={"first_ingest_date": "NULL", str(table.cut_column): "NULL"})
    run_job("conform", D2)
    nightly = state(whole)
    run_job("conform", D2, LONG_AGO)
    assert state(whole) == nightly and len(nightly["clean_orders"]) == 2


@pytest.mark.parametrize("lacks", ["values", "column"])
def test_orders_and_sessions_of_before_they_were_cut_by_months_get_theirs(lacks, shop, run_job, make_run, frame):
    """Whether a night is the first on such a lake, or one before it added the column and left it empty."""
    alone = on(D1, "t", order_id="alone", product_id="p", quantity=1, line_amount=1, line_type="sale")
    make_run(D1).replace(frame(RAW_TRANSACTIONS, SALE, alone), RAW_TRANSACTIONS)
    make_run(D1).replace(frame(RAW_CLICKSTREAM, CLICKS[0], on(D1, "z", visitor_id="w")), RAW_CLICKSTREAM)
    run_job("conform", D1)
    for table in (CLEAN_ORDERS, CLEAN_SESSIONS):
        rows = DeltaTable(str(shop.path(table))).to_pyarrow_table().drop_columns([str(table.cut_column)])
        write_deltalake(str(shop.path(table)), rows, mode="overwrite", schema_mode="overwrite", partition_by=[])
        if lacks == "values":
            shop.ensure(table)
    run_job("conform", D2)
    run_job("conform", D2)
    assert [row.order_month for row in shop.read(CLEAN_ORDERS).collect()] == [D1, D1]
    assert [row.session_month for row in shop.read(CLEAN_SESSIONS).collect()] == [D1, D1, D1]


def test_reruns_leave_the_same_rows(shop, run_job):
    for day in (D1, D2):
        run_job("conform", day)
    before = state(shop)
    for day in (D2, D1, D2):
        run_job("conform", day)
    assert state(shop) == before and all(before.values())


def test_what_a_mended_file_no_longer_names_leaves_the_present_state(shop, run_job, make_run, frame):
    """The mended day lacks an order and a session, and an older order lacks its return."""
    gone = on(D2, "g", order_id="gone", customer_id="c", product_id="q", quantity=1, line_amount=5, line_type="sale")
    alone = on(D2, "alone", 20, visitor_id="w")
    today = make_run(D2)
    today.replace(frame(RAW_TRANSACTIONS, BACK, gone), RAW_TRANSACTIONS)
    today.replace(frame(RAW_CLICKSTREAM, *CLICKS[1:], alone), RAW_CLICKSTREAM)
    for day in (D1, D2):
        run_job("conform", day)
    assert shop.read(CLEAN_ORDERS).count() == 2 and shop.read(CLEAN_SESSIONS).count() == 3
    other = on(D2, "o2", order_id="other", customer_id="d", product_id="q", quantity=1, line_amount=5, line_type="sale")
    today.replace(frame(RAW_TRANSACTIONS, other), RAW_TRANSACTIONS)
    today.replace(frame(RAW_CLICKSTREAM, CLICKS[1]), RAW_CLICKSTREAM)
    run_job("conform", D2)
    found = {row.order_id: (row.net_amount, row.last_ingest_date) for row in shop.read(CLEAN_ORDERS).collect()}
    assert found == {"o": (10, D1), "other": (5, D2)}
    sessions = {row.session_date: row.event_count for row in shop.read(CLEAN_SESSIONS).collect()}
    assert sessions == {D1: 1, D2: 1}


def test_a_stretch_gives_what_its_nights_give(shop, run_job, make_run, frame, tmp_path):
    for day in (D1, D2):
        run_job("conform", day)
    nightly = state(shop)
    run_job("conform", D2, D1)
    assert state(shop) == nightly


@pytest.mark.parametrize("killed_in", ["conform_clicks", "conform_reviews"])
def test_a_run_killed_on_the_way_is_done_again(killed_in, shop, run_job, monkeypatch):
    def die(run):
        raise KeyboardInterrupt

    die.__name__ = killed_in
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(conform, killed_in, die)
        run_job("conform", D2, D1)
    assert shop.read(CLEAN_ORDER_LINES).count() == 2
    run_job("conform", D2, D1)
    killed = state(shop)
    run_job("conform", D2, D1)
    assert state(shop) == killed and all(killed.values())


SAID = {"sentiment_score": 0.25, "recommend_probability": 0.5, "price_sentiment": -1.0, "rating_text_gap": None}


def test_a_published_dates_reviews_keep_what_was_said_of_them(shop, run_job, make_run, frame):
    run_job("conform", D1)
    stored = shop.read(CLEAN_REVIEWS).toPandas().assign(sentiment_model="review_text-1", **SAID)
    shop.replace(shop.spark.createDataFrame(stored, CLEAN_REVIEWS.struct), CLEAN_REVIEWS, D1, D1)
    make_run(D1).replace(frame(CUSTOMER_360, {"as_of_date": D1}), CUSTOMER_360)
    run_job("conform", D1)
    [review] = shop.read(CLEAN_REVIEWS).collect()
    assert (review.sentiment_model, {name: review[name] for name in SAID}) == ("review_text-1", SAID)


REVIEWS = (
    on(D1, "w", rating=5, customer_id="c", product_id="p", review_text="Great value"),
    on(D2, "x", rating=2, customer_id="c", product_id="q"),
    on(D2, "late", 8, D2, rating=1, customer_id="d", product_id="p", title="Awful price"),
    on(D1, "later", 8, D2, rating=3, customer_id="c", product_id="p"),
)


def test_a_review_is_told_with_what_is_usual_and_its_aspects_night_by_night_as_in_one_stretch(shop, run_job, frame):
    shop.replace(frame(RAW_REVIEWS, *REVIEWS), RAW_REVIEWS)
    for day in (D1, D2):
        run_job("conform", day)
    names = ("customer_rating_difference", "product_rating_difference", "price_sentiment")
    found = {row.review_id: tuple(row[name] for name in names) for row in shop.read(CLEAN_REVIEWS).collect()}
    # "later" happened before "w", and came after it: "w" did not know it, "x" and "late" do.
    assert found == {"w": (None, None, 1), "x": (-2, None, None), "late": (None, -3, -1), "later": (None, None, None)}
    nightly = state(shop)
    run_job("conform", D2, D1)
    assert state(shop) == nightly
    run_job("conform", D1)
    assert state(shop) == nightly


def test_the_shops_own_words_name_the_aspects(shop, run_job, frame):
    shop.replace(frame(RAW_REVIEWS, *REVIEWS), RAW_REVIEWS)
    run_job("conform", D2, D1, review_aspects='[{"aspect": "price", "words": "awful"}]')
    assert {row.review_id for row in shop.read(CLEAN_REVIEWS).collect() if row.price_sentiment is not None} == {"late"}


def test_a_lake_of_before_gets_the_new_columns_and_its_published_reviews_have_none(shop, run_job, make_run, frame):
    run_job("conform", D1)
    old = shop.read(CLEAN_REVIEWS).select(*CLEAN_REVIEWS.column_names[:9], "sentiment_score", "sentiment_model")
    rows = old.toArrow()
    shutil.rmtree(shop.path(CLEAN_REVIEWS))
    write_deltalake(str(shop.path(CLEAN_REVIEWS)), rows, partition_by=["ingest_date"])
    make_run(D1).replace(frame(CUSTOMER_360, {"as_of_date": D1}), CUSTOMER_360)
    run_job("conform", D1)
    [review] = shop.read(CLEAN_REVIEWS).collect()
    assert (review.sentiment_score, review.recommend_probability) == (1, None)


def test_a_source_that_is_absent_makes_no_table(make_run, frame, run_job):
    run = make_run(D1)
    run.replace(frame(RAW_REVIEWS, on(D1, "w", rating=5)), RAW_REVIEWS)
    run_job("conform", D1)
    assert [run.exists(table) for table in (CLEAN_REVIEWS, CLEAN_ORDERS, CLEAN_EVENTS, CLEAN_PRODUCTS)] == [True] + [
        False
    ] * 3


def test_a_payment_that_comes_later_reaches_its_order(run_job, make_run, frame):
    shop = make_run(D1)
    shop.replace(frame(RAW_TRANSACTIONS, SALE), RAW_TRANSACTIONS)
    run_job("conform", D1)
    make_run(D2).replace(frame(RAW_PAYMENTS, on(D2, "pay", order_id="o", payment_amount=12)), RAW_PAYMENTS)
    run_job("conform", D2)
    assert [row.paid_amount for row in shop.read(CLEAN_ORDERS).collect()] == [12]


def test_what_comes_back_in_another_currency_nets_to_nothing_though_the_rate_was_corrected(
    run_job, make_run, frame, assert_rows
):
    for day, value in ((D1, "0.9"), (D2, "0.7")):
        rates = [on(day, f"rate{value}", rate_date=D1, currency="USD", exchange_rate=value)]
        make_run(day).replace(frame(RAW_EXCHANGE_RATES, *rates), RAW_EXCHANGE_RATES)
    own = on(D2, "own", order_id="o2", customer_id="c", product_id="q", quantity=1, line_amount=3, line_type="sale")
    make_run(D1).replace(frame(RAW_TRANSACTIONS, SALE | {"currency": "USD"}), RAW_TRANSACTIONS)
    make_run(D2).replace(frame(RAW_TRANSACTIONS, BACK | {"currency": "USD"}, own), RAW_TRANSACTIONS)
    for day in (D1, D2, D1):
        run_job("conform", day)
    lines = make_run(D1).read(CLEAN_ORDER_LINES)
    assert {row.line_id: (row.currency, row.line_amount, row.net_amount) for row in lines.collect()} == {
        "s": ("USD", 10, 9),
        "r": ("USD", -10, -9),
        "own": ("EUR", 3, 3),
    }
    orders = {row.order_id: row.net_amount for row in make_run(D1).read(CLEAN_ORDERS).collect()}
    assert orders == {"o": 0, "o2": 3}
    nightly = state(make_run(D1))
    run_job("conform", D2, D1)
    assert state(make_run(D1)) == nightly


def people(run, frame, *rows: dict) -> None:
    run.replace(frame(RAW_CUSTOMERS, *({"customer_id": "c"} | row for row in rows)), RAW_CUSTOMERS)


def test_two_versions_of_a_moment_are_one_and_identifiers_stay_behind(make_run, frame, run_job):
    run = make_run(D1)
    versions = (("1", "DE"), ("2", "AT"))
    people(run, frame, *(on(D1, name, country=country, email=" C@example.org") for name, country in versions))
    run_job("conform", D1, pseudonym_key="key")
    [row] = run.read(CLEAN_CUSTOMERS).collect()
    assert (row.country, row.email_hash) == ("AT", pseudonym("c@example.org", b"key"))
    marked = {column.name for column in RAW_CUSTOMERS.columns if column.is_direct_identifier}
    assert marked and marked.isdisjoint(run.read(CLEAN_CUSTOMERS).columns)


def test_a_row_that_only_tells_of_a_consent_leaves_what_is_known_of_the_person(make_run, frame, run_job):
    run = make_run(D1)
    revoked = {"consent_purpose": "marketing", "consent_status": "revoked"}
    people(run, frame, on(D1, "1", country="DE", has_marketing_consent=True), on(D1, "2", 11, **revoked))
    run_job("conform", D1)
    assert [row.country for row in run.read(CLEAN_CUSTOMERS).collect()] == ["DE"]
    changes = {(row.event_at.hour, row.is_granted) for row in run.read(CLEAN_CONSENT).collect()}
    assert changes == {(10, True), (11, False)}


def test_consents_of_earlier_runs_come_into_a_lake_that_had_no_table_of_them(make_run, frame, run_job):
    people(make_run(D1), frame, on(D1, "1", has_marketing_consent=True))
    people(make_run(D2), frame, on(D2, "2", has_marketing_consent=False))
    run_job("conform", D2)
    known = {(row.ingest_date, row.is_granted) for row in make_run(D2).read(CLEAN_CONSENT).collect()}
    assert known == {(D1, True), (D2, False)}


@pytest.mark.parametrize("largest", [1, 10**9])
def test_a_large_day_gives_the_rows_of_a_small_one(largest, shop, run_job, make_run, monkeypatch, tmp_path):
    """Written by several tasks, or by one."""
    monkeypatch.setattr(tables, "LARGE_DAY_CELLS", largest)
    day = {"source": "transactions", "file_count": 1, "file_row_count": 1, "new_row_count": 1}
    shop.replace(
        shop.spark.createDataFrame(OPS_RUN.rows(*({"ingest_date": d} | day for d in (D1, D2))), OPS_RUN.struct), OPS_RUN
    )
    run_job("conform", D2, D1)
    orders = [(row.order_id, row.net_amount, row.refund_amount) for row in shop.read(CLEAN_ORDERS).collect()]
    assert orders == [("o", 0, 10)]
    assert not (shop.settings.lake / "_staging" / "kept").exists()


@pytest.mark.parametrize("job", ["conform", "identify"])
def test_while_one_conforms_or_identifies_a_second_ends_with_what_airflow_tries_again(job, shop, run_job):
    with identities.alone(shop), pytest.raises(TemporaryError, match="another conform or identify runs on this lake"):
        run_job(job, D2, D1)
    run_job(job, D2, D1)
