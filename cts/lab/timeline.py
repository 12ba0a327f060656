# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws what happened in a lab as an SVG picture: who answered, who had the route, what broke."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from lab.client import Request

WIDTH = 1000
LEFT, RIGHT = 140, 28
LANE_HEIGHT, LANE_GAP = 26, 10
BADGE_RADIUS = 10
BADGE_PITCH = 2 * BADGE_RADIUS + 3
LIST_COLUMNS = 2
LIST_LINE = 22
# Width of an average character of the text size used.
CHARACTER = 7.5

NODE_COLOURS = ("#2b6cb0", "#c05621", "#6b46c1", "#2c7a7b")
LOST, OFF, INK, FAINT, GRID = "#c53030", "#e2e8f0", "#1a202c", "#4a5568", "#cbd5e0"
PALE = 0.2
NOBODY = "nobody"
FONT = "font-family='system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif'"


# From a time to a place on the horizontal axis.
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Bar:
    """From when to when something was so.

    The node gives the colour, pale unless strong; None is off or nowhere, NOBODY is no answer.
    """

    began: float
    ended: float
    node: str | None
    text: str
    strong: bool = True


@dataclass(frozen=True)
class Lane:
    """One row of bars."""

    label: str
    bars: list[Bar]


@dataclass(frozen=True)
class Moment:
    """Something that happened at a time, with a number in the picture."""

    t: float
    text: str


@dataclass
class Panel:
    """One stretch of time with its lanes, moments and a client's requests, one by one."""

    title: str
    subtitle: str
    zero: float
    began: float
    ended: float
    lanes: list[Lane]
    requests: list[Request]
    moments: list[Moment] = field(default_factory=list)


def draw(panels: list[Panel], nodes: list[str]) -> str:
    """The whole picture, one panel below the other."""
    colours = {node: NODE_COLOURS[i % len(NODE_COLOURS)] for i, node in enumerate(nodes)}
    parts, y = [], 20
    for panel in panels:
        drawn, height = _panel(panel, colours, y)
        parts += drawn
        y += height + 36
    legend = _legend(colours, y)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{y + 30}' "
        f"viewBox='0 0 {WIDTH} {y + 30}' {FONT} font-size='13' fill='{INK}'>\n"
        f"<rect width='{WIDTH}' height='{y + 30}' fill='#ffffff'/>\n"
        + "\n".join([*parts, *legend])
        + "\n</svg>\n"
    )


def _panel(panel: Panel, colours: dict[str, str], top: int) -> tuple[list[str], int]:
    span = panel.ended - panel.began

    def x(t: float) -> float:
        return LEFT + (min(max(t, panel.began), panel.ended) - panel.began) / span * (
            WIDTH - LEFT - RIGHT
        )

    parts = [
        caption(20, top + 16, panel.title, size=18, weight=600),
        caption(20, top + 38, panel.subtitle, colour=FAINT, size=14),
    ]
    moments = sorted(panel.moments, key=lambda moment: moment.t)
    places = _spread([x(moment.t) for moment in moments])
    lanes_top = top + 112
    y = lanes_top
    bars, texts = [], []
    for lane in panel.lanes:
        lane_bars, lane_texts = _bars(lane, colours, x, y)
        bars += lane_bars
        texts += lane_texts
        y += LANE_HEIGHT + LANE_GAP
    if panel.requests:
        bars += _client(panel.requests, colours, x, y)
        y += LANE_HEIGHT + LANE_GAP
    bottom = y + 6 - LANE_GAP
    markers = []
    for number, (moment, place) in enumerate(zip(moments, places, strict=True), 1):
        markers += _marker(number, (place, top + 66), (x(moment.t), lanes_top - 6), bottom)
    parts += [*_axis(panel, x, lanes_top, bottom), *bars, *markers, *texts]
    y = bottom + 44
    per_column = -(-len(moments) // LIST_COLUMNS)
    for index, moment in enumerate(moments):
        column, line = divmod(index, per_column)
        parts += _entry(
            20 + column * (WIDTH - 40) / LIST_COLUMNS,
            y + line * LIST_LINE,
            index + 1,
            f"{moment.t - panel.zero:+.2f} s",
            moment.text,
        )
    return parts, y + per_column * LIST_LINE - top


def _spread(positions: list[float]) -> list[float]:
    """Where to put the badges of sorted moments: close to them, and none upon another."""
    rightwards, leftwards = list(positions), list(positions)
    for index in range(1, len(positions)):
        rightwards[index] = max(positions[index], rightwards[index - 1] + BADGE_PITCH)
    for index in range(len(positions) - 2, -1, -1):
        leftwards[index] = min(positions[index], leftwards[index + 1] - BADGE_PITCH)
    # Both keep the distance, so their mean does, and it puts a crowd in the middle.
    spread = [(left + right) / 2 for left, right in zip(leftwards, rightwards, strict=True)]
    limit = WIDTH - RIGHT
    for index in range(len(spread) - 1, -1, -1):
        spread[index] = min(spread[index], limit)
        limit = spread[index] - BADGE_PITCH
    return spread


def _bars(lane: Lane, colours: dict[str, str], x: Scale, y: float) -> tuple[list[str], list[str]]:
    """The lane's bars, and the texts to be drawn above everything that crosses them."""
    bars, texts = [], [caption(LEFT - 12, y + 18, lane.label, anchor="end")]
    for bar in lane.bars:
        left, width = x(bar.began), x(bar.ended) - x(bar.began)
        if width <= 0:
            continue
        colour = LOST if bar.node == NOBODY else colours[bar.node] if bar.node else OFF
        bars.append(rectangle(left, y, width, LANE_HEIGHT, colour, 1 if bar.strong else PALE))
        if len(bar.text) * CHARACTER + 12 < width:
            ink = "#ffffff" if bar.node and bar.strong else FAINT
            texts.append(caption(left + 8, y + 18, bar.text, colour=ink))
    return bars, texts


def _client(requests: Iterable[Request], colours: dict[str, str], x: Scale, y: float) -> list[str]:
    parts = [caption(LEFT - 12, y + 18, "client", anchor="end")]
    seen = [request for request in requests if LEFT < x(request.t) < WIDTH - RIGHT]
    for request in seen:
        colour = colours.get(request.who, FAINT) if request.ok else LOST
        height = LANE_HEIGHT if request.ok else LANE_HEIGHT / 2
        parts.append(rectangle(x(request.t) - 1, y + LANE_HEIGHT - height, 2.4, height, colour))
    return parts


def _axis(panel: Panel, x: Scale, top: float, bottom: float) -> list[str]:
    span = panel.ended - panel.began
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60) if span / s <= 14)
    first = -int((panel.zero - panel.began) / step)
    parts = []
    for number in range(first, int((panel.ended - panel.zero) / step) + 1):
        at = x(panel.zero + number * step)
        parts.append(stroke(at, top - 4, at, bottom, GRID))
        parts.append(
            caption(at, bottom + 18, f"{number * step:g} s", colour=FAINT, anchor="middle")
        )
    return parts


def _marker(
    number: int, badge: tuple[float, float], knee: tuple[float, float], bottom: float
) -> list[str]:
    """A badge, a line down to its moment, and on through all lanes."""
    return [
        stroke(*badge, *knee, INK),
        stroke(*knee, knee[0], bottom, INK, dash=True),
        *_badge(*badge, number),
    ]


def _badge(x: float, y: float, number: int) -> list[str]:
    return [
        f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{BADGE_RADIUS}' fill='{INK}'/>",
        caption(x, y + 4.5, str(number), colour="#ffffff", size=12, weight=600, anchor="middle"),
    ]


def _entry(x: float, y: float, number: int, when: str, text: str) -> list[str]:
    return [
        *_badge(x + BADGE_RADIUS, y, number),
        caption(x + 90, y + 5, when, colour=FAINT, anchor="end"),
        caption(x + 100, y + 5, text),
    ]


def _legend(colours: dict[str, str], y: float) -> list[str]:
    entries = [(colour, f"{node}") for node, colour in colours.items()]
    entries += [(LOST, "request without an answer"), (OFF, "off")]
    parts, x = [], 20.0
    for colour, text in entries:
        parts += [rectangle(x, y - 11, 14, 14, colour), caption(x + 20, y + 1, text, colour=FAINT)]
        x += 46 + CHARACTER * len(text)
    return parts


def caption(
    x: float,
    y: float,
    text: str,
    *,
    colour: str = "",
    size: int = 13,
    weight: int = 400,
    anchor: str = "start",
) -> str:
    """A text whose line stands on y."""
    fill = f" fill='{colour}'" if colour else ""
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' font-weight='{weight}' "
        f"text-anchor={quoteattr(anchor)}{fill}>{escape(text)}</text>"
    )


def rectangle(
    x: float,
    y: float,
    width: float,
    height: float,
    colour: str,
    opacity: float = 1,
    about: str = "",
) -> str:
    """A bar; a browser shows what it is about when it is pointed at."""
    title = f"<title>{escape(about)}</title>" if about else ""
    return (
        f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}' rx='1.5' "
        f"fill='{colour}' fill-opacity='{opacity:g}'>{title}</rect>"
    )


def stroke(x1: float, y1: float, x2: float, y2: float, colour: str, dash: bool = False) -> str:
    """A thin line."""
    style = " stroke-dasharray='3 3'" if dash else ""
    return (
        f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}' "
        f"stroke-width='1' stroke-opacity='0.6'{style}/>"
    )
