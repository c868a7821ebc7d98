"""One declaration gives type, rules, expectations and test rows, and they agree."""

import re
from datetime import date
from decimal import Decimal

import pytest
from pyspark.sql import types as T

from schemas.contract import Between, Column, NotNull, OneOf, Table
from schemas.tables import TABLES

PLAIN = Table(
    name="score_plain",
    meaning="m",
    grain="g",
    key=("customer_id",),
    columns=(
        Column("customer_id", T.StringType(), "Who.", (NotNull(),)),
        Column("share", T.DoubleType(), "How much.", (Between(0, 1),), unit="share"),
        Column("kind", T.StringType(), "What.", (NotNull(), OneOf(("a", "b")))),
        Column("amount", T.DecimalType(18, 2), "Money.", (Between(low=0),)),
        Column("as_of_date", T.DateType(), "When.", (NotNull(),)),
    ),
    slice_column="as_of_date",
    checks=(("a kind b has an amount", "(kind <> 'b' OR amount IS NOT NULL)"),),
)


def broken(spark, **values) -> list[str]:
    frame = spark.createDataFrame(PLAIN.rows(values), PLAIN.struct)
    return [sentence for sentence, sql in PLAIN.rules() if frame.filter(f"NOT ({sql})").count()]


def test_the_factory_makes_a_row_that_keeps_every_rule(spark):
    assert PLAIN.row() == {
        "customer_id": "customer_id",
        "share": None,
        "kind": "a",
        "amount": None,
        "as_of_date": date(2024, 1, 31),
    }
    assert broken(spark) == []


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"customer_id": None}, "customer_id must be never null"),
        ({"share": 1.5}, "share must be from 0 to 1"),
        ({"kind": "z"}, "kind must be one of `a`, `b`"),
        ({"amount": -1}, "amount must be at least 0"),
        ({"kind": "b"}, "a kind b has an amount"),
    ],
)
def test_a_broken_rule_is_found_by_its_sentence(values, sentence, spark):
    assert broken(spark, **values) == [sentence]


def test_null_passes_every_rule_but_not_null(spark):
    assert broken(spark, share=None, amount=None) == []


def test_the_struct_has_the_contracts_columns_and_types_and_the_commented_one_their_meaning():
    assert [(field.name, field.dataType) for field in PLAIN.struct] == [(c.name, c.type) for c in PLAIN.columns]
    assert [field.metadata.get("comment") for field in PLAIN.commented_struct][1] == "How much. Unit: share."
    assert not any(field.metadata for field in PLAIN.struct)


def test_expectations_say_the_same_rules():
    assert PLAIN.expectations() == [
        ("expect_table_columns_to_match_set", {"column_set": list(PLAIN.column_names), "exact_match": True}),
        ("expect_column_values_to_not_be_null", {"column": "customer_id"}),
        ("expect_column_values_to_be_between", {"column": "share", "min_value": 0, "max_value": 1}),
        ("expect_column_values_to_not_be_null", {"column": "kind"}),
        ("expect_column_values_to_be_in_set", {"column": "kind", "value_set": ["a", "b"]}),
        ("expect_column_values_to_be_between", {"column": "amount", "min_value": 0, "max_value": None}),
        ("expect_column_values_to_not_be_null", {"column": "as_of_date"}),
        ("expect_column_values_to_be_unique", {"column": "customer_id"}),
    ]


def test_numbers_of_tests_become_the_columns_type():
    assert PLAIN.rows({"share": 1, "amount": 2.5})[0][1:4] == (1.0, "a", Decimal("2.5"))


def test_an_unknown_column_is_refused():
    with pytest.raises(KeyError, match="score_plain has no column price"):
        PLAIN.row(price=1)
    with pytest.raises(KeyError, match="score_plain has no column price"):
        PLAIN["price"]


@pytest.mark.parametrize("change", [{"key": ("nobody",)}, {"slice_column": "nowhen"}, {"columns": PLAIN.columns * 2}])
def test_a_contract_that_contradicts_itself_is_refused(change):
    facts = {name: getattr(PLAIN, name) for name in ("name", "meaning", "grain", "key", "columns", "slice_column")}
    with pytest.raises(ValueError, match="score_plain"):
        Table(**(facts | change))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_keeps_the_projects_naming(table):
    assert [other.name for other in TABLES].count(table.name) == 1
    assert table.layer in {"raw", "clean", "feature", "score", "customer", "campaign", "ops"}
    for column in table.columns:
        assert re.fullmatch(r"_?[a-z][a-z0-9_]*", column.name) and column.meaning.endswith(".")
        is_boolean = isinstance(column.type, T.BooleanType)
        assert is_boolean == column.name.startswith(("is_", "has_")), f"{table.name}.{column.name}"
        if isinstance(column.type, T.DateType):
            assert column.name.endswith(("_date", "_month")) or column.name in ("valid_from", "valid_to")
        if isinstance(column.type, T.TimestampType):
            assert column.name.endswith("_at")
    assert all(table[name].is_required for name in table.key), "a key is never null"


NAMED_SO = re.compile(r"(^|_)(e_?mail|phone|address|street|postcode|zip|name|surname|birth\w*)(_|$)")
NAMES_NO_PERSON = {"product_name", "table_name"}  # goods, and tables of ours


def test_direct_identifiers_are_marked_and_stay_in_the_raw_layer():
    for table in TABLES:
        for column in table.columns:
            is_named_so = NAMED_SO.search(column.name) and not column.name.endswith("_hash")
            is_text = isinstance(column.type, T.StringType)  # how many mails came names nobody
            if is_named_so and is_text and column.name not in NAMES_NO_PERSON:
                assert column.is_direct_identifier, f"{table.name}.{column.name} is not marked"
            if column.is_direct_identifier:
                assert table.layer == "raw", f"{table.name}.{column.name}"
    marked = {column.name for table in TABLES for column in table.columns if column.is_direct_identifier}
    assert marked >= {"person_name", "email", "phone", "street_address", "postcode"}


def test_the_same_name_has_the_same_type_in_every_table():
    types: dict[str, set[str]] = {}
    for table in TABLES:
        for column in table.columns:
            family = re.sub(r"\(.*", "", column.type.simpleString())
            types.setdefault(column.name, set()).add(family)
    assert {name for name, kinds in types.items() if len(kinds) > 1} == set()


def test_every_tables_factory_row_keeps_its_own_rules(spark):
    for table in TABLES:
        frame = spark.createDataFrame(table.rows({}), table.struct)
        wrong = " OR ".join(f"NOT ({sql})" for _, sql in table.rules()) or "false"
        assert frame.filter(wrong).count() == 0, table.name
