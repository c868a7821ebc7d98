"""What the shop sells: categories, products with hidden quality, prices and the promotion calendar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.land.simulated.config import ShopConfig
from jobs.land.simulated.streams import BoolArray, FloatArray, IntArray, stream

# category: department, usual price in cents, popularity, effect on the lifetime of those who love it, nouns
CATEGORIES: dict[str, tuple[str, int, float, float, tuple[str, ...]]] = {
    "dresses": ("fashion", 4900, 1.4, 0.9, ("summer dress", "wrap dress", "midi dress")),
    "tops": ("fashion", 2400, 1.5, 0.9, ("blouse", "t-shirt", "jumper")),
    "jeans": ("fashion", 5900, 1.1, 1.1, ("slim jeans", "wide jeans", "denim skirt")),
    "coats": ("fashion", 11900, 0.6, 0.7, ("wool coat", "rain jacket", "parka")),
    "shoes": ("footwear", 6900, 1.3, 1.1, ("sneakers", "ankle boots", "sandals")),
    "sportswear": ("footwear", 3900, 0.9, 1.4, ("running tights", "sports bra", "track jacket")),
    "bags": ("accessories", 5400, 0.8, 0.8, ("tote bag", "backpack", "clutch")),
    "jewellery": ("accessories", 3200, 0.7, 0.8, ("earrings", "necklace", "bracelet")),
    "bedding": ("home", 4500, 0.7, 1.0, ("duvet cover", "pillow set", "throw")),
    "kitchen": ("home", 2800, 0.8, 1.5, ("mug set", "baking dish", "tea towel")),
    "decor": ("home", 2200, 0.7, 0.7, ("vase", "candle", "wall print")),
    "children": ("family", 1900, 0.9, 1.7, ("romper", "sleepsuit", "soft toy")),
}
CATEGORY_NAMES = tuple(CATEGORIES)
ADJECTIVES = ("linen", "cotton", "striped", "classic", "soft", "vintage", "bold", "simple", "floral", "organic")
BRANDS = ("Alder", "Birke", "Fenn", "Juno", "Koru", "Lumen", "Mistral", "Nord", "Osier", "Pella")
TIERS = ("budget", "middle", "premium")
TIER_PRICE = (0.6, 1.0, 1.9)
PROMOTION_SHARE = 0.15  # of category-weeks
PROMOTION_DISCOUNT_PERCENT = 20
DRIFT_PRICE = 0.15  # rise of all prices under full drift
HEAD = 1.7  # the larger, the more the first products of a shelf outsell the rest


@dataclass(frozen=True)
class Catalogue:
    """Products lie on shelves: all of one category and tier stand together, the best seller first."""

    category: IntArray
    tier: IntArray
    price_cents: IntArray
    drifted_price_cents: IntArray
    quality: FloatArray  # standard normal; moves ratings and returns
    fit: FloatArray
    noun: IntArray
    adjective: IntArray
    brand: IntArray
    shelf_start: IntArray  # (category, tier)
    shelf_size: IntArray
    promoted: BoolArray  # (week, category)

    def choose(self, rng: np.random.Generator, category: IntArray, tier: IntArray) -> IntArray:
        """A product from each given shelf; best sellers more often."""
        size = self.shelf_size[category, tier]
        place = np.floor(size * rng.random(len(category)) ** HEAD).astype(np.int64)
        return self.shelf_start[category, tier] + np.minimum(place, size - 1)

    def prices(self, drifted: bool) -> IntArray:
        """List prices in cents, before or after the drift date."""
        return self.drifted_price_cents if drifted else self.price_cents

    def shelf_means(self, values: FloatArray) -> FloatArray:
        """Mean of a product value over each shelf, weighted by the chance that `choose` takes the product."""
        means = np.zeros(self.shelf_start.shape)
        for shelf, size in np.ndenumerate(self.shelf_size):
            edges = (np.arange(size + 1) / size) ** (1 / HEAD)
            first = self.shelf_start[shelf]
            means[shelf] = np.diff(edges) @ values[first : first + size]
        return means


def make_catalogue(config: ShopConfig) -> Catalogue:
    """All products and promotions of a shop."""
    rng = stream(config.seed, "catalogue")
    count, shelves = config.products, len(CATEGORIES) * len(TIERS)
    shelf = np.arange(count) * shelves // count
    category, tier = np.divmod(shelf, len(TIERS))
    usual = np.array([facts[1] for facts in CATEGORIES.values()])
    price = usual[category] * np.array(TIER_PRICE)[tier] * rng.lognormal(0.0, 0.2, count)
    price_cents = np.maximum(np.rint(price / 10).astype(np.int64) * 10 - 1, 99)
    sizes = np.bincount(shelf, minlength=shelves)
    weeks = config.days // 7 + 3
    return Catalogue(
        category=category,
        tier=tier,
        price_cents=price_cents,
        drifted_price_cents=np.rint(price_cents * (1 + DRIFT_PRICE * config.drift)).astype(np.int64),
        quality=rng.normal(size=count),
        fit=rng.normal(size=count),
        noun=rng.integers(0, 3, count),
        adjective=rng.integers(0, len(ADJECTIVES), count),
        brand=rng.integers(0, len(BRANDS), count),
        shelf_start=(np.cumsum(sizes) - sizes).reshape(-1, len(TIERS)),
        shelf_size=sizes.reshape(-1, len(TIERS)),
        promoted=stream(config.seed, "promotions").random((weeks, len(CATEGORIES))) < PROMOTION_SHARE,
    )


def product_name(catalogue: Catalogue, product: int) -> str:
    """What the shop calls a product."""
    name = CATEGORY_NAMES[catalogue.category[product]]
    noun = CATEGORIES[name][4][catalogue.noun[product]]
    return f"{ADJECTIVES[catalogue.adjective[product]]} {noun}".capitalize()
