"""Features of orders."""

from schemas.contract import LINE_MONEY
from schemas.declaration import LAST_YEAR, LIFETIME, NEXT_LAST_YEAR, SQUARED_MONEY, Window, last
from schemas.declared.lines import (
    active_days,
    count,
    derived,
    difference,
    extreme,
    kept,
    mean,
    money,
    ratio,
    since,
    spread,
    total,
)
from schemas.declared.sources import ORDER_LINES, ORDERS
from schemas.line_rules import IS_MERCHANDISE, IS_RETURN, IS_SALE
from schemas.session_starts import WEEKEND

BEFORE_90 = Window(90, 90)
USUAL = (*last(30, 90, 180, 365), LIFETIME)
SEASONAL = (BEFORE_90, LAST_YEAR, NEXT_LAST_YEAR)

DECLARED = (
    since("recency", "recency_days", "order_count", "Days since the last order."),
    since("tenure", "customer_age_days", "order_count", "Days since the first order; null: never ordered."),
    total("order_count", ORDERS, "order_count", "Orders; -1 when a run's returns undo a whole order.", "orders", (*last(7), *USUAL, *SEASONAL)),
    active_days("order_count", "order_days", "Days with an order", (*last(90, 365), LIFETIME)),
    money("net_amount", ORDER_LINES, "net_amount", "Sales less refunds and adjustments.", (*last(7), *USUAL, *SEASONAL), feature="net_revenue"),
    count("sale_line_count", ORDER_LINES, "Sale lines.", "lines", (*last(90, 365), LIFETIME), where=IS_SALE),
    total("unit_count", ORDER_LINES, "quantity", "Units sold less units returned.", "units", (*last(90), LIFETIME), where=IS_MERCHANDISE),
    money("sale_amount", ORDER_LINES, "net_amount", "Money of sale lines.", (*last(90, 365), LIFETIME), where=IS_SALE),
    money("refund_amount", ORDER_LINES, "-net_amount", "Money given back, positive, on the day of the order it belongs to.", (*last(90, 365), LIFETIME), where=IS_RETURN),
    count("return_line_count", ORDER_LINES, "Lines given back, on the day of the order they belong to.", "lines", (*last(365), LIFETIME), where=IS_RETURN),
    money("discount_amount", ORDER_LINES, "discount_amount", "Discounts taken off.", (*last(90), LIFETIME)),
    count("discounted_line_count", ORDER_LINES, "Sale lines with a discount.", "lines", last(90), where=f"{IS_SALE} AND discount_amount > 0"),
    money("shipping_amount", ORDER_LINES, "shipping_amount", "Shipping charged.", (*last(90), LIFETIME)),
    kept(money("order_amount", ORDERS, "order_amount", "Net money of orders; refunds and adjustments that belong to no order are not in it.")),
    kept(total("order_amount_squared", ORDERS, "order_amount_squared", "Sum of squared net amounts of orders.", "shop currency squared", type=SQUARED_MONEY)),
    extreme("largest_sale_line_amount", "max", ORDER_LINES, f"CASE WHEN {IS_SALE} THEN net_amount END", "Money of the dearest sale line.", "shop currency", LINE_MONEY),
    extreme("smallest_sale_line_amount", "min", ORDER_LINES, f"CASE WHEN {IS_SALE} AND net_amount > 0 THEN net_amount END", "Money of the cheapest sale line that was not free.", "shop currency", LINE_MONEY),
    mean("sale_line_amount", ORDER_LINES, f"CASE WHEN {IS_SALE} THEN net_amount END", "Money of a sale line.", "shop currency", (*last(90), LIFETIME), LINE_MONEY, has_spread=True),
    count("weekend_sale_line_count", ORDER_LINES, "Sale lines of orders of a Saturday or Sunday.", "lines", last(90), where=f"{IS_SALE} AND dayofweek(order_date) IN {WEEKEND}"),
    derived("gap", "order_gap_days", "order_count", "Mean days between days with an order."),
    derived("gap_365d", "order_gap_days_365d", "order_count", "Mean days between days with an order, last 365 days."),
    ratio("mean_order_amount_90d", "net_revenue_90d", "order_count_90d", "Net revenue per order, last 90 days.", "shop currency"),
    ratio("mean_order_amount_365d", "net_revenue_365d", "order_count_365d", "Net revenue per order, last year.", "shop currency"),
    ratio("mean_order_amount_lifetime", "net_revenue_lifetime", "order_count_lifetime", "Net revenue per order.", "shop currency"),
    spread("order_amount_spread", "order_count_lifetime", "state_order_amount", "state_order_amount_squared", "Standard deviation of order amounts.", "shop currency"),
    ratio("order_amount_variation", "order_amount_spread", "mean_order_amount_lifetime", "Standard deviation of order amounts per mean.", "ratio"),
    ratio("lines_per_order_90d", "sale_line_count_90d", "order_count_90d", "Lines per order, last 90 days.", "lines"),
    ratio("lines_per_order_lifetime", "sale_line_count_lifetime", "order_count_lifetime", "Lines per order.", "lines"),
    ratio("units_per_order_lifetime", "unit_count_lifetime", "order_count_lifetime", "Units per order.", "units"),
    ratio("refund_share_90d", "refund_amount_90d", "sale_amount_90d", "Refunds per money sold, last 90 days."),
    ratio("refund_share_lifetime", "refund_amount_lifetime", "sale_amount_lifetime", "Refunds per money sold."),
    ratio("return_line_share_365d", "return_line_count_365d", "sale_line_count_365d", "Lines given back per line sold, last year.", "ratio"),
    ratio("discount_share_90d", "discount_amount_90d", "sale_amount_90d", "Discounts per money sold, last 90 days."),
    ratio("discount_share_lifetime", "discount_amount_lifetime", "sale_amount_lifetime", "Discounts per money sold."),
    ratio("discounted_line_share_90d", "discounted_line_count_90d", "sale_line_count_90d", "Sale lines with a discount, last 90 days."),
    ratio("shipping_per_order_90d", "shipping_amount_90d", "order_count_90d", "Shipping per order, last 90 days.", "shop currency"),
    ratio("weekend_share_90d", "weekend_sale_line_count_90d", "sale_line_count_90d", "Sale lines of a weekend, last 90 days."),
    ratio("order_trend_30d", "order_count_30d", "order_count_90d", "Last 30 days' share of the last 90 days' orders."),
    ratio("order_trend_90d", "order_count_90d", "order_count_365d", "Last 90 days' share of the last year's orders."),
    ratio("revenue_trend_90d", "net_revenue_90d", "net_revenue_365d", "Last 90 days' share of the year's net revenue."),
    ratio("order_growth_90d", "order_count_90d", "order_count_90d_before_90d", "Orders of the last 90 days per order of the 90 before.", "ratio"),
    difference("net_revenue_change_90d", "net_revenue_90d", "net_revenue_90d_before_90d", "Net revenue of the last 90 days less that of the 90 before.", "shop currency"),
    ratio("overdue_ratio", "recency_days", "order_gap_days", "Days since the last order per usual gap.", "ratio"),
    # BTYD: the customer's history in days, repeat transactions counted once a day
    derived("btyd", "btyd_frequency", "order_count", "x: days with an order after the first such day."),
    derived("btyd", "btyd_recency", "order_count", "t_x: age at the last order."),
    derived("btyd", "btyd_age", "order_count", "T: age at as_of_date."),
    derived("mean", "mean_repeat_amount", "net_amount", "Mean net revenue of the repeat days.", "shop currency"),
)  # fmt: skip
