"""Words of the reviews: titles by rating, and sentences by aspect and mood. Written for this shop."""

from __future__ import annotations

ASPECTS = ("size and fit", "quality", "delivery", "price", "service")
MOODS = ("bad", "mixed", "good")

OPENINGS: tuple[tuple[str, ...], ...] = (  # by rating, 1 first; {} is the product
    ("Very disappointed with the {}.", "The {} is a waste of money.", "I regret buying the {}."),
    ("The {} did not convince me.", "I expected more of the {}.", "Not happy with the {}."),
    ("The {} is okay.", "The {} is average, no more.", "Mixed feelings about the {}."),
    ("I like the {}.", "Happy with the {}.", "The {} is nice and does what it should."),
    ("I love the {}!", "The {} is perfect.", "Absolutely delighted with the {}!"),
)
TITLES: tuple[tuple[str, ...], ...] = (
    ("Terrible", "Never again", "Awful"),
    ("Disappointing", "Not for me", "Could be better"),
    ("Okay", "So-so", "Average"),
    ("Good", "Nice", "Pleased"),
    ("Excellent", "Wonderful", "My new favourite"),
)
SENTENCES: dict[str, tuple[tuple[str, ...], ...]] = {
    "size and fit": (
        ("It runs far too small.", "The size is completely wrong.", "It fits badly and looks odd."),
        ("The size is a little off.", "It fits, though a bit tight.", "Order one size up."),
        ("It fits perfectly.", "The size is true to the chart.", "Great fit, very comfortable."),
    ),
    "quality": (
        ("The material is cheap and thin.", "It fell apart after one wash.", "Poor quality, a seam was broken."),
        ("The quality is acceptable.", "The material is a bit thinner than expected.", "Neither good nor bad quality."),
        ("The quality is excellent.", "Beautiful material, well made.", "Sturdy and carefully finished."),
    ),
    "delivery": (
        ("Delivery took weeks and the box was damaged.", "It arrived far too late.", "The parcel was lost at first."),
        ("Delivery was a day late.", "Delivery was neither fast nor slow.", "It arrived as announced."),
        ("Delivery was quick.", "It arrived early and well packed.", "Fast shipping, thank you."),
    ),
    "price": (
        ("It is overpriced.", "Far too expensive for what it is.", "Not worth the price."),
        ("The price is just about fair.", "A little expensive.", "I would wait for a discount."),
        ("Great value for money.", "The price is very fair.", "A real bargain."),
    ),
    "service": (
        ("Customer service never answered.", "The staff were rude on the phone.", "Nobody helped with my complaint."),
        ("Customer service was slow but polite.", "Service could be friendlier.", "I had to ask twice."),
        ("Customer service was friendly and quick.", "The staff helped at once.", "Excellent service."),
    ),
}
