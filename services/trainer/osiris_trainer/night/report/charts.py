"""Plots as SVG, nothing but shapes and text."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 28, 32
_COLOURS = ("#2563eb", "#d97706", "#059669", "#9333ea")
_WON, _EQUAL, _LOST = "#059669", "#d1d5db", "#dc2626"
_ROW = 26

Points = Sequence[tuple[float, float]]


def lines(title: str, series: dict[str, Points], *, x: str) -> str:
    """Lines over a common axis `x`, each with its name; empty series are left out."""
    shown = {name: points for name, points in series.items() if points}
    values = [point for points in shown.values() for point in points]
    if not values:
        return _svg(title, HEIGHT, _text(WIDTH / 2, HEIGHT / 2, "no data", anchor="middle"))
    low_x, high_x = _range([point[0] for point in values])
    low_y, high_y = _range([point[1] for point in values])

    def place(point: tuple[float, float]) -> tuple[float, float]:
        across = (point[0] - low_x) / (high_x - low_x)
        up = (point[1] - low_y) / (high_y - low_y)
        return _LEFT + across * (WIDTH - _LEFT - _RIGHT), HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<path d="M{_LEFT} {_TOP}V{HEIGHT - _BOTTOM}H{WIDTH - _RIGHT}" fill="none" stroke="#9ca3af"/>',
        *(_text(_LEFT - 6, place((low_x, value))[1] + 4, f"{value:.3g}", anchor="end") for value in (low_y, high_y)),
        *(_text(place((value, low_y))[0], HEIGHT - 14, f"{value:g}", anchor="middle") for value in (low_x, high_x)),
        _text(WIDTH / 2, HEIGHT - 4, x, anchor="middle"),
    ]
    for number, (name, points) in enumerate(shown.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{across:.1f},{up:.1f}" for across, up in map(place, points))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(_text(WIDTH - _RIGHT, _TOP + 14 * number, name, anchor="end", colour=colour))
    return _svg(title, HEIGHT, *parts)


def wins(title: str, counts: dict[str, tuple[int, int, int]]) -> str:
    """A bar for each name: won, equal and lost, as shares of their sum."""
    parts = []
    left, width = 130, WIDTH - 130 - _RIGHT
    for row, (name, counted) in enumerate(counts.items()):
        top, along = _TOP + row * _ROW, float(left)
        parts.append(_text(left - 8, top + 15, name, anchor="end"))
        for count, colour in zip(counted, (_WON, _EQUAL, _LOST), strict=True):
            length = width * count / max(1, sum(counted))
            if count:
                parts.append(f'<rect x="{along:.1f}" y="{top}" width="{length:.1f}" height="20" fill="{colour}"/>')
                parts.append(_text(along + length / 2, top + 15, str(count), anchor="middle"))
            along += length
    return _svg(title, _TOP + _ROW * len(counts) + 8, *parts)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _text(x: float, y: float, words: str, *, anchor: str = "start", colour: str = "#374151") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def _svg(title: str, height: float, *parts: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" role="img" '
        f'font-family="sans-serif" font-size="12"><title>{escape(title)}</title>'
        f'<rect width="100%" height="100%" fill="#fff"/>{_text(_LEFT, 16, title)}{"".join(parts)}</svg>\n'
    )
