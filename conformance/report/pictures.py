"""Pictures of what was measured, as SVG that stands in a page: the same document gives the same bytes.

matplotlib is imported here alone, and only where a picture is drawn; without it there is none.
"""

from __future__ import annotations

import importlib.util
import io
import math
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import numpy as np

from conformance.report import measured
from conformance.report.measured import BINS
from conformance.report.views import Check
from reference.arithmetic import FORMATS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

IS_INSTALLED = importlib.util.find_spec("matplotlib") is not None

# Okabe and Ito's colours, which the colour-blind can tell apart; marks and strokes tell the same.
INK, BAD = "#222222", "#d55e00"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#7a4a88")
MARKS = ("o", "^", "s", "D")
STROKES = ("-", "--", ":", "-.")
CORNERS = np.array([-0.46, 0.46, 0.46, -0.46])  # of a cell, from its middle; one further for the other axis
DRAWN_WHOLE = 144  # numbers of a result that are drawn, and half of which are written into their cells
SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "etalon",
    "svg.fonttype": "none",
    "svg.image_inline": True,
    "font.size": 8,
    "font.family": "sans-serif",
    "axes.titlesize": 8,
    "axes.edgecolor": "#888888",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def _drawn(name: str, title: str, says: str, size: tuple[float, float], draw: Callable[[Figure], None]) -> str:
    """One picture. name: of its places in the page; title and says: for those who do not see it."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a run raises them, and a report must not be lost for a glyph
        matplotlib.rcdefaults()  # whatever the user has set
        matplotlib.rcParams.update(SETTINGS)
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        text = io.StringIO()
        without = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        FigureCanvasSVG(figure).print_svg(text, metadata=without)  # type: ignore[no-untyped-call]  # it has no types
    return _for_a_page(text.getvalue(), name, title, says)


def _for_a_page(svg: str, name: str, title: str, says: str) -> str:
    """An SVG without what only a file needs; its names are made its own, and those that nothing asks for left out."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<!--.*?-->", "", svg, flags=re.DOTALL)
    asked = set(re.findall(r"[(\"]#([^)\"]+)[)\"]", svg))
    svg = re.sub(r' id="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in asked else "", svg)
    svg = re.sub(r"([(\"])#([^)\"]+)([)\"])", lambda m: f"{m[1]}#{name}-{m[2]}{m[3]}" if m[2] in asked else m[0], svg)
    width, height = (float(x) for x in re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups())  # type: ignore[union-attr]  # every SVG of matplotlib has one
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'aria-labelledby="{name}-title {name}-says" viewBox="0 0 {width:g} {height:g}" '
        f'style="width:{width * 4 / 3:.0f}px;font-family:sans-serif">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-says">{escape(says)}</desc>'
    )
    return head + _smaller(svg[svg.index(">") + 1 :]).strip()


def _smaller(svg: str) -> str:
    """The same drawing in fewer bytes: one font for all, a style once for a run of marks, two decimals."""
    svg = re.sub(r"\n\s*", "\n", svg).replace("xlink:href", "href")
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r' transform="rotate\(-0 [^)]*\)"', "", svg)
    mark = r'<use (href="[^"]*" x="[^"]*" y="[^"]*") style="{}"/>\n'
    run = mark.format(r"([^\"]*)") + "(?:" + mark.format(r"\2") + ")*"
    svg = re.sub(run, lambda m: f'<g style="{m[2]}">\n' + m[0].replace(f' style="{m[2]}"', "") + "</g>\n", svg)
    svg = re.sub(r"<[^>]*>", lambda m: re.sub(r"(?<=\d)\.(\d\d)\d+", r".\1", m[0]), svg)  # of tags, not of texts
    while (fewer := re.sub(r"<g>\s*</g>\s*|<g/>\s*|<defs>\s*</defs>\s*|<defs/>\s*", "", svg)) != svg:
        svg = fewer
    return svg


def power(k: int) -> str:
    """A power of two as it is written.

    >>> power(-12), power(0)
    ('2⁻¹²', '1')
    """
    return "2" + str(k).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")) if k else "1"


def _bare(axes: Axes) -> None:
    axes.spines[["left", "bottom"]].set_visible(False)


# -- error/bound by primitive and format ------------------------------------------------------------------


def spread(device: str, found: dict[tuple[str, str], measured.Spread], name: str) -> str:
    """A row for each primitive, a panel for each format, a cell for each power of two."""
    primitives = sorted({primitive for primitive, _ in found})
    formats = [fmt for fmt in FORMATS if any(f == fmt for _, f in found)]
    worst = max(found, key=lambda key: found[key].worst)
    says = (
        f"{len(primitives)} primitives in {', '.join(formats)}. The largest error/bound is {found[worst].worst:g}, "
        f"of {worst[0]} in {worst[1]}. The table below has the numbers."
    )

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(formats), sharey=True, squeeze=False)[0]
        for axes, fmt in zip(panels, formats, strict=True):
            shares = np.full((len(primitives), len(BINS)), np.nan)
            for i, primitive in enumerate(primitives):
                if (here := found.get((primitive, fmt))) and here.elements:
                    shares[i] = np.where(here.counts, 0.12 + 0.88 * np.sqrt(here.counts / here.elements), 0.0)
            axes.imshow(shares, cmap="Greys", vmin=0, vmax=1.15, aspect="auto", interpolation="none")
            for place, mark, colour in _maxima(primitives, fmt, found):
                axes.plot(*place, linestyle="", marker=mark, markersize=3.5, color=colour, markeredgewidth=1)
            axes.axvline(len(BINS) - 1.5, color=BAD, linewidth=0.8)
            axes.set_title(fmt)
            axes.set_xticks([0, 3, 6, 9], ["0", power(-6), power(-3), "1"])
            axes.set_yticks(range(len(primitives)), primitives)
            _bare(axes)
        figure.supxlabel("error/bound, up to", fontsize=8)

    size = (1.9 + 1.35 * len(formats), 0.75 + 0.145 * len(primitives))
    return _drawn(name, f"error/bound of {device}: its distribution for each primitive and format", says, size, draw)


def _maxima(primitives: list[str], fmt: str, found: dict[tuple[str, str], measured.Spread]) -> Any:
    """(x, y) of the maxima, in two groups: those that conform, and those that do not."""
    places: tuple[list[tuple[int, int]], list[tuple[int, int]]] = [], []
    for i, primitive in enumerate(primitives):
        if (here := found.get((primitive, fmt))) and here.elements:
            places[here.worst > 1].append((int(np.flatnonzero(here.counts)[-1]), i))
    for group, mark, colour in zip(places, ("d", "x"), (COLOURS[0], BAD), strict=True):
        if group:
            yield tuple(zip(*group, strict=True)), mark, colour


# -- error and bound by the length of a sum ------------------------------------------------------------------


def lengths(checks: list[Check], name: str) -> str:
    """A panel for each format, a mark for each sum, and its bound above it."""
    found = measured.lengths(checks)
    devices = sorted({device for points in found.values() for device, *_ in points})
    terms = [n for points in found.values() for _, _, n, _, _ in points]
    nearest = max((error / bound, p, fmt, n) for fmt, points in found.items() for _, p, n, error, bound in points)
    says = (
        f"Sums of {min(terms)} to {max(terms)} terms in {', '.join(found)}. The error that is nearest to its bound is "
        f"{nearest[0]:.2g} of it, of {nearest[1]} in {nearest[2]} with {nearest[3]} terms. The table below has the "
        "numbers."
    )

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(found), squeeze=False)[0]
        for axes, (fmt, points) in zip(panels, found.items(), strict=True):
            for device, mark, colour in zip(devices, MARKS, COLOURS, strict=False):
                mine = [(n, error, bound) for d, _, n, error, bound in points if d == device]
                n, error, bound = (np.array(x) for x in zip(*mine, strict=True)) if mine else (np.zeros(0),) * 3
                axes.plot(n, bound, "_", color=colour, markersize=7, label=f"bound, {device}")
                shown = (error > 0) & np.isfinite(error)
                style = {"color": colour, "marker": mark, "linestyle": "", "markersize": 3, "alpha": 0.7}
                axes.plot(n[shown], error[shown], label=f"error, {device}", **style)
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            axes.set_title(fmt)
            axes.minorticks_off()
            ends = np.log2([n for _, _, n, _, _ in points])
            ticks = [k for k in range(0, 24, 4) if ends.min() - 1 <= k <= ends.max() + 1]
            axes.set_xticks([2.0**k for k in ticks], map(power, ticks))
            there = [x for *_, error, bound in points for x in (error, bound) if 0 < x < math.inf]
            exponents = np.floor(np.log10(there)).astype(int)
            low, high = int(exponents.min()), int(exponents.max()) + 1
            ticks = list(range(low, high + 1, max(1, (high - low) // 4)))
            axes.set_yticks([10.0**k for k in ticks], [f"1e{k}" for k in ticks])
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
        figure.supxlabel("terms of the sum", fontsize=8)
        panels[0].set_ylabel("relative to the largest result")

    return _drawn(name, "Error and bound by the number of terms", says, (1.6 + 1.5 * len(found), 2.7), draw)


# -- error by condition ----------------------------------------------------------------------------------


def conditions(checks: list[Check], name: str) -> str:
    """A panel for each format: the largest error over the condition of the element, and the line that it may reach."""
    found = measured.conditions(checks)
    devices = sorted({device for of in found.values() for device in of})
    above = sum(c.error > c.condition for of in found.values() for points in of.values() for c in points)
    says = (
        f"In {', '.join(found)}, the largest error of all primitives over the condition of the element, and the line "
        f"on which error and bound are equal; {above or 'none'} of the marks above it. The table below has the numbers."
    )

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
        for axes, (fmt, of) in zip(panels, found.items(), strict=True):
            most = max(c.condition for points in of.values() for c in points)
            axes.plot([0.5, most], [0.5, most], color=INK, linewidth=0.8, label="error = bound")
            for device, mark, stroke, colour in zip(devices, MARKS, STROKES, COLOURS, strict=False):
                points = [c for c in of.get(device, []) if c.error > 0 and math.isfinite(c.error)]
                style = {"color": colour, "marker": mark, "linestyle": stroke, "markersize": 3, "linewidth": 0.8}
                axes.plot([c.condition for c in points], [c.error for c in points], label=device, **style)
            axes.set_xscale("log", base=2)
            axes.set_yscale("log", base=2)
            axes.minorticks_off()
            axes.set_title(fmt)
            ticks = [k for k in range(0, 48, 16 if most > 2**32 else 8) if 2.0**k <= max(most, 2)]
            axes.set_xticks([2.0**k for k in ticks], map(power, ticks))
        axes.set_yticks([2.0**k for k in range(-8, 48, 8)], map(power, range(-8, 48, 8)))
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
        figure.supxlabel("condition: bound / (u |y|), up to", fontsize=8)
        panels[0].set_ylabel("largest error / (u |y|)")

    return _drawn(name, "Error by the condition of the element", says, (1.6 + 1.5 * len(found), 2.7), draw)


# -- elementary functions ----------------------------------------------------------------------------------


def accuracy(device: str, found: dict[str, list[measured.Curve]], name: str) -> str:
    """A panel for each function: the worst error of each binade of its argument, and the claims."""
    worst = {function: max((p[2], c.fmt) for c in curves for p in c.points) for function, curves in found.items()}
    says = "; ".join(f"{function}: at most {k:g} ulp, in {fmt}" for function, (k, fmt) in worst.items())

    def draw(figure: Figure) -> None:
        columns = min(4, len(found))
        rows = -(-len(found) // columns)
        panels = figure.subplots(rows, columns, squeeze=False)
        handles: dict[str, Any] = {}
        for axes in panels.flat[len(found) :]:
            axes.remove()
        for axes, (function, curves) in zip(panels.flat, found.items(), strict=False):
            for curve in curves:
                i = list(FORMATS).index(curve.fmt)
                style = {"color": COLOURS[i], "linestyle": STROKES[i], "linewidth": 1}
                x = [measured.place_of_binade(point) for point in curve.points]
                (handles[curve.fmt],) = axes.plot(x, [max(p[2], 0.01) for p in curve.points], **style)
                if len(x) < 3:
                    axes.plot(x, [max(p[2], 0.01) for p in curve.points], MARKS[i], color=COLOURS[i], markersize=3)
            for i, k in enumerate(sorted({curve.claimed for curve in curves})):
                claimed = [curve.fmt for curve in curves if curve.claimed == k]
                handles["claimed k"] = axes.axhline(k, color=INK, linewidth=0.8)
                words = f"k = {k:g}" + (f" {', '.join(claimed)}" if len(claimed) < len(curves) else "")
                at = {"ha": "left" if i % 2 else "right", "va": "bottom", "fontsize": 6}
                axes.annotate(words, (1 - i % 2, k), xycoords=("axes fraction", "data"), **at)
            axes.set_yscale("log")
            most = max(c.claimed for c in curves), max(p[2] for c in curves for p in c.points)
            axes.set_ylim(0.008, 2.5 * max(1.0, *(k for k in most if math.isfinite(k))))
            axes.minorticks_off()
            places = sorted({measured.place_of_binade(p) for c in curves for p in c.points})
            ticks: list[int] = []
            for tick in (-20, 16, 2, -32, 32, 24, -24):  # of those that are too near to each other, the first
                if places[0] - 1 <= tick <= places[-1] + 1 and all(8 * abs(tick - t) >= len(places) for t in ticks):
                    ticks.append(tick)
            axes.set_xticks(ticks, [_binade(tick) for tick in ticks])
            axes.set_title(function.replace("scaled_dot_product_", ""))
            axes.set_yticks(*_decades(axes.get_ylim()))
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=5, frameon=False)
        figure.supxlabel("x", fontsize=8)
        figure.supylabel("error in ulp (2 u |y|)", fontsize=8)

    size = (0.6 + 1.7 * min(4, len(found)), 0.7 + 1.5 * -(-len(found) // 4))
    return _drawn(name, f"Error of elementary functions over their domain, {device}", says, size, draw)


def _binade(place: int) -> str:
    return ("−" if place < 0 else "") + power(abs(place) - 16)


def _decades(limits: tuple[float, float]) -> tuple[list[float], list[str]]:
    low, high = math.ceil(math.log10(limits[0])), math.floor(math.log10(limits[1]))
    ticks = [10.0**k for k in range(low, high + 1, max(1, (high - low) // 3))]
    return ticks, [f"{t:g}" for t in ticks]


# -- a counterexample ------------------------------------------------------------------------------------


def counterexample(found: dict[str, Any], name: str) -> str:
    """The input, what was got and wanted, and their difference; "" where there is nothing to draw."""
    sides = found.get("sides")
    if not sides:
        return ""
    got, want, bound = (np.array(sides[key], dtype=float) for key in ("got", "want", "bound"))
    if not 2 <= got.size <= DRAWN_WHOLE:
        return ""
    arrays = {
        key: np.array(x["values"], dtype=float).reshape(x["shape"])
        for key, x in (found.get("arrays") or {}).items()
        if isinstance(x, dict) and x["dtype"] != "bool" and 2 <= np.prod(x["shape"]) <= DRAWN_WHOLE
    }
    with np.errstate(all="ignore"):
        same = (got == want) | (np.isnan(got) & np.isnan(want))
        missed = np.where(same, 0.0, got - want)
        panels = [*list(arrays.items())[:2], ("got", got), ("want", want), ("got − want", missed)]
        outside = ~same & ~(np.abs(got - want) <= bound)
    cells = [(title, _sheet(x)) for title, x in panels]
    marked = _sheet(outside.astype(float)) > 0

    def draw(figure: Figure) -> None:
        widths = [max(x.shape[1], 2) for _, x in cells]
        for axes, (title, x) in zip(
            figure.subplots(1, len(cells), squeeze=False, width_ratios=widths)[0], cells, strict=True
        ):
            _heat(axes, x, marked if title.startswith("got") else None)
            axes.set_title(title)

    height = max(x.shape[0] for _, x in cells)
    size = (min(9.0, 0.6 * len(cells) + 0.38 * sum(max(x.shape[1], 2) for _, x in cells)), 0.5 + min(4.0, 0.3 * height))
    worst = int(np.count_nonzero(outside))
    says = f"{worst} of {got.size} elements of {found['output']} are outside of their bounds, and have a frame."
    return _drawn(name, "The counterexample: input, got, want and difference", says, size, draw)


def _sheet(x: Any) -> Any:
    """An array as rows and columns: its last axis along, all others down."""
    return x.reshape(-1, x.shape[-1]) if x.ndim > 1 else x.reshape(1, -1)


def _heat(axes: Axes, x: Any, marked: Any) -> None:
    """One array: dark is large; its numbers stand in the cells; a frame for what is outside of its bound."""
    with np.errstate(all="ignore"):
        size = np.abs(np.where(np.isfinite(x), x, 0.0))
        scaled = size / (size.max() or 1.0)
    axes.imshow(np.where(np.isfinite(x), 0.75 * scaled, np.nan), cmap="Greys", vmin=0, vmax=1, interpolation="none")
    if x.size <= DRAWN_WHOLE // 2:
        for (row, column), value in np.ndenumerate(x):
            dark = np.isfinite(value) and scaled[row, column] > 0.7
            axes.text(column, row, _short(value), ha="center", va="center", fontsize=6, color="white" if dark else INK)
    if marked is not None and marked.shape == x.shape:
        for row, column in np.argwhere(marked):
            across, down = column + CORNERS, row + np.roll(CORNERS, 1)
            axes.plot(np.append(across, across[0]), np.append(down, down[0]), color=BAD, linewidth=1.6)
    axes.set_xticks([])
    axes.set_yticks([])


def _short(x: float) -> str:
    return f"{x:.3g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
