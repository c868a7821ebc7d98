"""Sessions of hand-made events, as the models of session steps and patterns take them."""

import numpy as np

from models.session_steps import SessionEvents

NAMES = ("view", "search", "add_to_cart", "checkout", "purchase")
CATEGORIES = ("shoes", "bags")


def session(text: str) -> list[tuple[int, int, int]]:
    """`v1s`: view of product 1 in shoes; `b` bags, `-` no category; `s`, `c`, `p` alone: search, checkout, purchase."""
    kinds = {"v": 0, "s": 1, "a": 2, "c": 3, "p": 4}
    found = []
    for word in text.split():
        category = {"s": 0, "b": 1}.get(word[2:], -1)
        found.append((kinds[word[0]], int(word[1]) if len(word) > 1 else -1, category))
    return found


def events(*texts: str, every: float | list[float] = 10.0) -> SessionEvents:
    """A session per text; `every` so many seconds an event, one number for all or one per session."""
    sessions = [session(text) for text in texts]
    paces = every if isinstance(every, list) else [every] * len(texts)
    rows = np.array([row for one in sessions for row in one], dtype=int).reshape(-1, 3)
    starts = np.concatenate([[0], np.cumsum([len(one) for one in sessions], dtype=int)])
    seconds = [pace * place for one, pace in zip(sessions, paces, strict=True) for place in range(len(one))]
    return SessionEvents(starts, np.array(seconds, dtype=float), *rows.T, NAMES, CATEGORIES)
