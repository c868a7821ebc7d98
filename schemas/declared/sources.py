"""What facts are of: the sources of tiles, as features/tiles.py reads them."""

from schemas.declaration import Source

ORDER_LINES = Source("order_lines", "clean_order_lines", day="order_date")
ORDERS = Source("orders", "clean_order_lines", day="order_date", is_only_added=False)  # orders.order_states
CLICKS = Source("clicks", "clean_events", is_of_visitors=True)  # without bots
SESSIONS = Source("sessions", "clean_events", is_only_added=False, is_of_visitors=True)  # session_facts.session_facts
STARTS = Source("session_starts", "clean_events", is_of_visitors=True)  # session_starts.start_facts
REVIEWS = Source("reviews", "clean_reviews")
CAMPAIGN_EVENTS = Source("campaign_events", "clean_campaign_events")

PRODUCT_LINES = Source("product_lines", "clean_order_lines", day="order_date")
PRODUCT_CLICKS = Source("product_clicks", "clean_events")  # of known products, without bots

IS_MOBILE = "coalesce(lower(device_type) RLIKE 'mobile|phone|app|tablet', false)"
