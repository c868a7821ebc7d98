"""Features of reviews."""

from schemas.declaration import EXACT, LIFETIME, last
from schemas.declared.lines import count, extreme, mean, ratio, since, total
from schemas.declared.sources import REVIEWS
from schemas.review_aspects import ASPECTS

DECLARED = (
    since("recency", "review_recency_days", "review_count", "Days since the last review."),
    since("tenure", "review_history_days", "review_count", "Days since the first review; null: never wrote one."),
    count("review_count", REVIEWS, "Reviews written.", "reviews", (*last(90, 365), LIFETIME)),
    total("rating_sum", REVIEWS, "rating", "Stars given.", "stars", (*last(365), LIFETIME)),
    count("low_rating_count", REVIEWS, "Reviews of one or two stars.", "reviews", (*last(90), LIFETIME), where="rating <= 2"),
    total("sentiment_sum", REVIEWS, "sentiment_score", "Sum of sentiment scores.", "score", (*last(365), LIFETIME), EXACT),
    extreme("lowest_rating", "min", REVIEWS, "rating", "Fewest stars given.", "stars"),
    extreme("highest_rating", "max", REVIEWS, "rating", "Most stars given.", "stars"),
    mean("recommend_probability", REVIEWS, "recommend_probability", "Chance that the writer recommends what was bought.", "probability", (*last(365), LIFETIME), EXACT),
    mean("rating_text_gap", REVIEWS, "rating_text_gap", "Stars that the text implies less those given.", "stars", (LIFETIME,), EXACT),
    mean("product_rating_difference", REVIEWS, "product_rating_difference", "Stars less those usual for the product.", "stars", (LIFETIME,), EXACT),
    total("word_count", REVIEWS, "word_count", "Words of reviews.", "words", (LIFETIME,)),
    *(count(f"{aspect}_complaint_count", REVIEWS, f"Reviews whose text complains of {aspect.replace('_', ' ')}.", "reviews", (LIFETIME,), where=f"{aspect}_sentiment < 0") for aspect in ASPECTS),
    ratio("mean_rating_365d", "rating_sum_365d", "review_count_365d", "Mean stars given, last year.", "stars"),
    ratio("mean_rating_lifetime", "rating_sum_lifetime", "review_count_lifetime", "Mean stars given.", "stars"),
    ratio("mean_sentiment_365d", "sentiment_sum_365d", "review_count_365d", "Mean sentiment, last year.", "score"),
    ratio("mean_sentiment_lifetime", "sentiment_sum_lifetime", "review_count_lifetime", "Mean sentiment.", "score"),
    ratio("words_per_review_lifetime", "word_count_lifetime", "review_count_lifetime", "Words per review.", "words"),
    ratio("reviews_per_order_365d", "review_count_365d", "order_count_365d", "Reviews per order, last year.", "ratio"),
)  # fmt: skip
