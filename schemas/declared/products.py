"""Features of the products and categories that a customer bought and looked at: made of product tiles."""

from schemas.declaration import Window, last
from schemas.declared.lines import count, distinct, money, price_quantile, ratio, top, total
from schemas.declared.sources import PRODUCT_CLICKS, PRODUCT_LINES
from schemas.line_rules import IS_SALE

TILES = (  # facts of `feature_customer_product_day`
    count("sale_line_count", PRODUCT_LINES, "Sale lines.", "lines", where=IS_SALE),
    total("unit_count", PRODUCT_LINES, "quantity", "Units sold.", "units", where=IS_SALE),
    money("sale_amount", PRODUCT_LINES, "net_amount", "Money of sale lines.", where=IS_SALE),
    count("view_count", PRODUCT_CLICKS, "Product views.", "events", where="event_type = 'view'"),
    count("cart_count", PRODUCT_CLICKS, "Additions to the cart.", "events", where="event_type = 'add_to_cart'"),
)
D90 = Window(90)

DECLARED = (
    distinct("bought_product_count", "sale_line_count", "Products bought, given back or not,", last(30, 90, 365)),
    distinct("known_viewed_product_count", "view_count", "Products looked at by the known customer", last(30, 90)),
    top("top_category", "sale_line_count", "Category with most sale lines", D90),
    top("top_viewed_category", "view_count", "Category with most product views", D90),
    price_quantile("unit_price_p25", 0.25, "Lower quartile of the prices paid for a unit", D90),
    price_quantile("unit_price_median", 0.5, "Median of the prices paid for a unit", D90),
    price_quantile("unit_price_p75", 0.75, "Upper quartile of the prices paid for a unit", D90),
    ratio("lines_per_product_365d", "sale_line_count_365d", "bought_product_count_365d", "Sale lines per product bought, last year: 1 where nothing was bought again.", "lines"),
    ratio("views_per_bought_product_90d", "known_viewed_product_count_90d", "bought_product_count_90d", "Products looked at per product bought, last 90 days.", "ratio"),
)  # fmt: skip
