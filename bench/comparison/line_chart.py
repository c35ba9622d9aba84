"""A line chart with logarithmic axes as SVG."""
import math
from xml.sax.saxutils import escape

# Okabe and Ito's colours, which people who see red and green alike can tell apart, a grey, a brown and an olive.
COLORS = [
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#6b6b6b",
    "#000000",
    "#8c564b",
    "#bcbd22",
]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 400, 64, 170, 40, 48


def short(value):
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size and len(f"{value / size:g}") < 5:
            return f"{value / size:g}{letter}"
    return f"{value:,.15g}"


def line_chart(title, x_title, y_title, lines):
    """`lines`: {name: [(x, y), ...]}, x and y above 0. Names stand at the lines' right ends."""
    xs = sorted({x for points in lines.values() for x, _ in points})
    ys = [y for points in lines.values() for _, y in points]
    low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    high = max(high, low + 1)
    span = math.log(xs[-1] / xs[0]) or 1
    at_x = lambda x: LEFT + (WIDTH - LEFT - RIGHT) * math.log(x / xs[0]) / span
    at_y = lambda y: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (math.log10(y) - low) / (high - low)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>',
    ]
    for power in range(low, high + 1):
        y = at_y(10**power)
        out.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#444">{10.0 ** power:g}</text>'
        )
    for x in xs:
        out.append(
            f'<line x1="{at_x(x):.1f}" x2="{at_x(x):.1f}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 5}" '
            f'stroke="#444"/><text x="{at_x(x):.1f}" y="{HEIGHT - BOTTOM + 19}" text-anchor="middle" '
            f'fill="#444">{short(x)}</text>'
        )
    out.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_title)}</text>'
        f'<text x="16" y="{(TOP + HEIGHT - BOTTOM) / 2}" text-anchor="middle" '
        f'transform="rotate(-90 16 {(TOP + HEIGHT - BOTTOM) / 2})">{escape(y_title)}</text>'
    )
    # Names keep the order of the lines' ends but never overlap.
    ends = sorted((at_y(points[-1][1]), name) for name, points in lines.items())
    free = TOP
    for number, (y, name) in enumerate(ends):
        color, points = COLORS[list(lines).index(name) % len(COLORS)], lines[name]
        path = " ".join(f"{at_x(x):.1f},{at_y(v):.1f}" for x, v in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        out += [f'<circle cx="{at_x(x):.1f}" cy="{at_y(v):.1f}" r="3" fill="{color}"/>' for x, v in points]
        room = HEIGHT - BOTTOM - 14 * (len(ends) - number - 1)
        label = min(max(y + 4, free), room)
        free = label + 14
        out.append(f'<text x="{WIDTH - RIGHT + 10}" y="{label:.1f}" fill="{color}">{escape(name)}</text>')
    return "\n".join(out) + "\n</svg>\n"
