"""Empty matplotlib figures, and figures as SVG that stands inside a page.

The only module that imports matplotlib, and it does so when a picture is
drawn: no pyplot, no window, no global state.
"""

import html
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from keras_cdae.errors import MissingDependencyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 12.0  # inches at 100 dots: 1200 pixels
PAGE_WIDTH = 3.6  # inches: text stays readable in the width of a phone
# Stand-ins that a page replaces by its own colours, light or dark. Black and
# white cannot stand in: matplotlib leaves black out of what it writes.
THEME = {
    "#010101": "var(--ink)",
    "#020202": "var(--muted)",
    "#030303": "var(--line)",
    "#040404": "var(--curve)",
    "#050505": "var(--event)",
    "#060606": "var(--mark)",
}
INK, MUTED, LINE, CURVE, EVENT, MARK = THEME
_PAGE_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text, in the page's own font
    "svg.hashsalt": "keras-cdae",  # the same figure, the same text
    "font.size": 8.5,
    "axes.titlesize": 9.0,
    "legend.fontsize": 8.0,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "grid.color": LINE,
    "hatch.color": INK,
    "legend.frameon": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
}
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def new_figure(height: float, *, width: float = WIDTH) -> "Figure":
    """Return an empty figure.

    Args:
        height: inches, at 100 dots an inch.
        width: inches.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine
    except ImportError as error:
        raise MissingDependencyError(
            "Pictures need matplotlib, which is not installed: "
            'pip install "keras-cdae[plot]"'
        ) from error
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06)
    return Figure(figsize=(width, height), dpi=100, layout=layout)


def figure_svg(
    draw: Callable[["Figure"], None], *, height: float, label: str, name: str
) -> str:
    """Draw a figure and return it as an `<svg>` element of a page.

    It has no size of its own, its text is text, and the colours of `THEME`
    follow the page.

    Args:
        draw: draws on the empty figure that it is given.
        height: inches; the width is `PAGE_WIDTH`.
        label: what the figure shows, for those who do not see it.
        name: unique in the page, letters and digits: begins every `id`.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
    """
    figure = new_figure(height, width=PAGE_WIDTH)
    from matplotlib import rc_context

    text = io.StringIO()
    with rc_context(_PAGE_STYLE):
        figure.set_facecolor("none")
        draw(figure)
        figure.savefig(text, format="svg", metadata=_NO_METADATA)
    return _inline(text.getvalue(), label, name)


def _inline(svg: str, label: str, name: str) -> str:
    """Make a file's content an element: no prologue, size or global style."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style)\b.*?</\1>", "", svg, flags=re.S)
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box is not None
    head = (
        f'<svg {box[0]} class="figure" role="img" '
        f'aria-label="{html.escape(label)}">'
    )
    body = svg[svg.index(">") + 1 :]
    # Two figures of a page must not share what `#id` points at.
    body = re.sub(r'(\bid=")', rf"\1{name}-", body)
    body = re.sub(r'(url\(#|href="#)', rf"\1{name}-", body)
    body = body.replace("xlink:href", "href")
    for color, variable in THEME.items():
        body = body.replace(color, variable)
    return head + re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", body)
