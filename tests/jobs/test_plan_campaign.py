"""Campaign plans: chance decides the arm, the same at every rerun; nobody twice, nobody without consent."""

from datetime import date, timedelta
from typing import Any

import pytest

from features.campaigns import assignments
from jobs.errors import GateRefusedError
from schemas.campaign import CAMPAIGN_ASSIGNMENT
from schemas.score import CUSTOMER_360

D = date(2024, 3, 31)
RULES: dict[str, Any] = {"control_share": 0.1, "minimum_churn": 0.0, "consent_required": True, "seed": 1}


@pytest.fixture
def customers(frame):
    """`customers(row, …)`: published rows of customers who may be contacted."""

    def make(*rows: dict[str, Any]):
        plain = {
            "as_of_date": D,
            "segment": "loyal",
            "churn_probability": 0.5,
            "expected_net_revenue": 10.0,
            "has_marketing_consent": True,
        }
        return frame(CUSTOMER_360, *(plain | row for row in rows))

    return make


@pytest.fixture
def plan(customers, frame):
    """`plan(row, …, recent=…)`: {customer: row} of the plan."""

    def make(*rows: dict[str, Any], recent: tuple[str, ...] = (), campaign: str = "c", **rules: Any):
        before = frame(CAMPAIGN_ASSIGNMENT, *({"customer_id": name} for name in recent))
        given = {"size": 100, **RULES, **rules}
        return {row.customer_id: row for row in assignments(customers(*rows), before, campaign, **given).collect()}

    return make


RANK = "priority_rank"
MANY = tuple({"customer_id": f"c{number}", "expected_net_revenue": float(number)} for number in range(4000))


def test_chance_leaves_the_given_share_alone(plan):
    planned = plan(*MANY, size=3200, control_share=0.2)
    control = sum(row.arm == "control" for row in planned.values())
    assert 3800 < len(planned) <= 4000
    assert abs(control - 0.2 * len(planned)) < 4 * (4000 * 0.2 * 0.8) ** 0.5  # four standard deviations


@pytest.mark.parametrize("seed", range(6))
def test_no_more_are_contacted_than_the_campaign_may_and_the_rest_is_in_neither_arm(plan, seed):
    planned = sorted(plan(*MANY[:300], size=50, control_share=0.5, seed=seed).values(), key=lambda row: row[RANK])
    contacted = sum(row.arm == "treatment" for row in planned)
    assert [row[RANK] for row in planned] == list(range(1, len(planned) + 1))  # nobody is skipped for the arm drawn
    assert contacted <= 50 and len(planned) <= 100
    assert len(planned) == 100 or (contacted == 50 and planned[-1].arm == "treatment")


def test_arms_do_not_hang_on_worth(plan):
    planned = plan(*MANY, size=3200, control_share=0.2)
    worthy = sum(row.arm == "control" for row in planned.values() if row.priority_rank <= 2000)
    assert abs(worthy - 400) < 4 * (2000 * 0.2 * 0.8) ** 0.5


def test_the_same_customers_get_the_same_arms_in_any_order_of_rows(plan):
    one, other = plan(*MANY[:300], size=270), plan(*reversed(MANY[:300]), size=270)
    assert one == other


def test_another_seed_or_campaign_draws_anew(plan):
    def arms(**given: Any) -> dict[str, str]:
        return {name: row.arm for name, row in plan(*MANY[:300], size=150, control_share=0.5, **given).items()}

    assert arms() != arms(seed=2) and arms() != arms(campaign="d")


def test_most_value_at_risk_comes_first_and_ties_go_by_id(plan):
    planned = plan(
        {"customer_id": "b", "churn_probability": 0.5, "expected_net_revenue": 10.0},  # 0.5 * 10 / 0.5 = 10
        {"customer_id": "a", "churn_probability": 0.5, "expected_net_revenue": 10.0},
        {"customer_id": "c", "churn_probability": 0.8, "expected_net_revenue": 5.0},  # 0.8 * 5 / 0.2 = 20
        {"customer_id": "d", "churn_probability": 1.0, "expected_net_revenue": 0.5},  # 1 * 0.5 / 0.05 = 10
    )
    ranked = sorted(planned.values(), key=lambda row: row.priority_rank)
    assert [row.customer_id for row in ranked] == ["c", "a", "b", "d"]
    assert [row.value_at_risk for row in ranked] == pytest.approx([20, 10, 10, 10])


def test_consent_is_required_unless_the_shop_says_otherwise(plan):
    rows = tuple({"customer_id": str(given), "has_marketing_consent": given} for given in (True, False, None))
    assert set(plan(*rows)) == {"True"}
    assert set(plan(*rows, consent_required=False)) == {"True", "False", "None"}


def test_customers_without_a_score_or_below_the_limit_are_left_out(plan):
    rows = (
        {"customer_id": "unscored", "churn_probability": None},
        {"customer_id": "valueless", "expected_net_revenue": None},
        {"customer_id": "safe", "churn_probability": 0.29},
        {"customer_id": "at_risk", "churn_probability": 0.3},
    )
    assert set(plan(*rows, minimum_churn=0.3)) == {"at_risk"}


def test_who_is_in_a_running_plan_is_not_chosen_again(plan):
    assert set(plan({"customer_id": "a"}, {"customer_id": "b"}, recent=("a",))) == {"b"}


def publish(make_run, customers, day: date, *names: str) -> None:
    rows = customers(*({"as_of_date": day, "customer_id": name} for name in names))
    make_run(day).replace(rows, CUSTOMER_360)


def planned(make_run) -> dict[date, set[str]]:
    found: dict[date, set[str]] = {}
    for row in make_run(D).read(CAMPAIGN_ASSIGNMENT).collect():
        found.setdefault(row.as_of_date, set()).add(row.customer_id)
    return found


def test_a_plan_is_made_once_even_when_settings_change(make_run, customers, run_job):
    publish(make_run, customers, D, "a", "b", "c", "d")
    run_job("plan_campaign", D, campaign_size=2, campaign_control_share=0.5)
    before = make_run(D).read(CAMPAIGN_ASSIGNMENT).collect()
    run_job("plan_campaign", D, campaign_size=1, seed=99)
    assert make_run(D).read(CAMPAIGN_ASSIGNMENT).collect() == before


def test_a_second_contact_waits_until_the_window_is_over(make_run, customers, run_job):
    days = [D, D + timedelta(days=30), D + timedelta(days=31)]
    for day in days:
        publish(make_run, customers, day, "a")
        run_job("plan_campaign", day, campaign_window_days=30)
    assert planned(make_run) == {days[0]: {"a"}, days[2]: {"a"}}


def test_a_date_that_is_repaired_leaves_those_alone_whom_a_later_plan_chose(make_run, customers, run_job):
    later, after = D + timedelta(days=30), D + timedelta(days=31)
    for day, *names in ((D, "a", "b", "c"), (later, "a"), (after, "b")):
        publish(make_run, customers, day, *names)
    for day in (later, after, D):
        run_job("plan_campaign", day, campaign_window_days=30)
    assert planned(make_run) == {later: {"a"}, after: {"b"}, D: {"b", "c"}}


def test_a_date_that_is_not_published_gets_no_plan(make_run, customers, run_job):
    publish(make_run, customers, D - timedelta(days=1), "a")
    with pytest.raises(GateRefusedError, match="is not published"):
        run_job("plan_campaign", D)
    assert not planned(make_run)


def test_a_date_with_a_customer_twice_is_not_planned(make_run, customers, run_job):
    make_run(D).replace(customers({"customer_id": "a"}, {"customer_id": "a"}), CUSTOMER_360)
    with pytest.raises(GateRefusedError, match="1 customers with more than one row"):
        run_job("plan_campaign", D)
    assert not make_run(D).read(CAMPAIGN_ASSIGNMENT).count()
