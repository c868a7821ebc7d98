"""Every feature that is declared, one line each, by what it is of."""

from schemas.declaration import facts_of, features_of, parts_of
from schemas.declared import campaigns, clicks, orders, products, reviews

DECLARED = (*orders.DECLARED, *products.DECLARED, *clicks.DECLARED, *reviews.DECLARED, *campaigns.DECLARED)
FACTS = facts_of(DECLARED)
PRODUCT_FACTS = facts_of(products.TILES)
FEATURES = features_of(DECLARED)
PARTS = parts_of(DECLARED)
