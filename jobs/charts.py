"""Charts of the report: matplotlib figures as inline SVG that follows the page's colours, light and dark.

Figures are drawn with marker colours, which the SVG then names as CSS variables. The text stays text. Nothing in the
SVG depends on the clock or on chance, so equal data give equal bytes.
"""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, FAINT, FIRST, SECOND = "#010203", "#010204", "#010205", "#010206"
_VARIABLES = {INK: "var(--ink-soft)", FAINT: "var(--line)", FIRST: "var(--first)", SECOND: "var(--second)"}
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "nightjar",
    "font.size": 10,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
    "ytick.major.size": 0,
    "text.color": INK,
}
NARROW, WIDE = 4.8, 9.6  # inches; 72 units of the SVG each, so that text keeps a readable size on a phone
SIZES = (("wide", WIDE), ("narrow", NARROW))
_NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}
_VOID = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_SIZE = re.compile(r' (?:width|height)="[\d.]+pt"')


@dataclass(frozen=True)
class Chart:
    """An SVG for wide screens and one for narrow ones; equal where one serves both."""

    wide: str
    narrow: str


def daily(days: Sequence[date], amounts: Sequence[float] | None, counts: Sequence[int], said: str, money: str) -> Chart:
    """Lines over days: amounts above, where there are any, counts below."""
    panels = [(f"Net revenue, {money}", amounts, FIRST)] if amounts is not None else []
    panels.append(("Orders", counts, SECOND))

    def draw(figure: "Figure") -> None:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axis, (title, values, colour) in zip(axes, panels, strict=True):
            axis.plot(days, values, color=colour, linewidth=1.6)
            axis.fill_between(days, values, color=colour, alpha=0.12, linewidth=0)
            axis.set_title(title)
            axis.set_ylim(bottom=min(0, *values), top=max(1, *values) * 1.05)
            axis.set_xlim(days[0], days[-1])
            axis.grid(axis="x", visible=False)
            axis.yaxis.set_major_locator(_few())
            axis.yaxis.set_major_formatter(_short)
        locator = AutoDateLocator(minticks=3, maxticks=7)
        axes[-1].xaxis.set_major_locator(locator)
        axes[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))

    height = 0.9 + 1.25 * len(panels)
    wide, narrow = (_svg(f"daily-{kind}", said, (width, height), 0.55, draw) for kind, width in SIZES)
    return Chart(wide, narrow)


def pairs(labels: Sequence[str], first: Sequence[float], second: Sequence[float] | None, said: str) -> Chart:
    """Horizontal bars of shares: one or two a label, the first label on top."""
    places = range(len(labels))
    names = ("customers", "net revenue")

    def draw(figure: "Figure") -> None:
        axis = figure.subplots()
        height = 0.38 if second is not None else 0.7
        offset = height / 2 if second is not None else 0
        axis.barh([p - offset for p in places], first, height, color=FIRST, label=names[0])
        if second is not None:
            axis.barh([p + offset for p in places], second, height, color=SECOND, label=names[1])
            axis.legend(frameon=False, loc="lower right", labelcolor=INK)
        axis.set_yticks(list(places), labels)
        axis.invert_yaxis()
        axis.grid(axis="y", visible=False)
        axis.xaxis.set_major_formatter(_percent)

    height = 0.7 + 0.34 * len(labels)
    wide, narrow = (_svg(f"segments-{kind}", said, (width, height), 1.4, draw) for kind, width in SIZES)
    return Chart(wide, narrow)


def columns(name: str, edges: Sequence[float], values: Sequence[float], said: str, **words: Any) -> Chart:
    """Upright bars: `edges` are the left ends (one more than values: a histogram) or places of the bars.

    Words: `x` and `y` name the axes; `x_percent`, `y_percent` show shares.
    """
    is_histogram = len(edges) == len(values) + 1
    width = (edges[1] - edges[0]) * 0.92 if is_histogram else 0.7

    def draw(figure: "Figure") -> None:
        axis = figure.subplots()
        axis.bar(edges[: len(values)], values, width, align="edge" if is_histogram else "center", color=FIRST)
        axis.grid(axis="x", visible=False)
        axis.set_xlabel(words["x"])
        axis.set_title(words["y"])
        axis.yaxis.set_major_locator(_few())
        axis.yaxis.set_major_formatter(_percent if words.get("y_percent") else _short)
        if words.get("x_percent"):
            axis.xaxis.set_major_formatter(_percent)
        else:
            axis.set_xticks(list(edges))

    chart = _svg(name, said, (NARROW, 2.5), 0.6, draw)
    return Chart(chart, chart)


def _svg(name: str, said: str, size: tuple[float, float], left: float, draw: "Callable[[Figure], None]") -> str:
    """Draw, and return an `<svg>` element that may stand in a page beside others.

    Margins are fixed, `left` in inches: a layout that measures text takes twice as long.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context(_STYLE):  # type: ignore[arg-type]
        width, height = size
        figure = Figure(figsize=size)
        sides = {"left": left / width, "right": 1 - 0.15 / width, "bottom": 0.52 / height, "top": 1 - 0.3 / height}
        figure.subplots_adjust(**sides, hspace=0.32)
        FigureCanvasSVG(figure)
        draw(figure)
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata=_NO_METADATA)
    svg = _SIZE.sub("", _VOID.sub("", text.getvalue()), count=2)
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, variable)
    # Ids are unique in a figure only; the page holds several.
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(said)}" ', 1)


def _few() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=4, steps=[1, 2, 5, 10])


def _short(value: float, _: object) -> str:
    """1500 as 1.5k."""
    for size, sign in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{sign}"
    return f"{value:g}"


def _percent(value: float, _: object) -> str:
    return f"{100 * value:.4g}%"
