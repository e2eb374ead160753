"""results.svg: round trip, one way and bulk as bars, unpinned."""

import math
from html import escape
from statistics import median

from .plan import LOOP, MIB, OURS

PANELS = [
    (("roundtrip", 64), "64 B round trip, µs (shorter is better)"),
    (("oneway", 64), "64 B one way, messages a second"),
    (("bulk", MIB), "1 MiB and an answer, GiB a second"),
]
WIDTH, LABEL, BAR, GAP = 760, 220, 16, 6
PLACEMENT = "unpinned"
STYLE = """<style>
text { font: 12px sans-serif; fill: #24292f } .title { font-weight: bold; font-size: 14px }
.ours { fill: #2563eb } .limit { fill: #9ca3af } .peer { fill: #d1a054 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
</style>"""


def kind(peer):
    if peer in (OURS, LOOP):
        return "ours"
    return "limit" if peer.startswith("C ") else "peer"


def panel(results, key, title, top):
    """Bars of one measurement from `top` on, on a logarithmic scale; and where they end."""
    found = {
        peer: median(series.values()) for peer, series in results.values[key][PLACEMENT].items() if series}
    if not found:
        return [], top
    shorter_is_better = results.units[key] == "us"
    ordered = sorted(found.items(), key=lambda pair: pair[1], reverse=not shorter_is_better)
    floor, most = min(found.values()) / 2, max(found.values())
    lines = [f'<text class="title" x="0" y="{top + 14}">{escape(title)}</text>']
    y = top + 26
    for peer, value in ordered:
        length = (WIDTH - LABEL - 80) * math.log(value / floor) / math.log(most / floor)
        lines += [
            f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(peer)}</text>',
            f'<rect class="{kind(peer)}" x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" rx="2"/>',
            f'<text x="{LABEL + length + 6:.1f}" y="{y + 12}">{number(value)}</text>',
        ]
        y += BAR + GAP
    return lines, y + 18


def number(value):
    if value >= 1e6:
        return f"{value / 1e6:.3g} M"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def write(results, path):
    lines, top = [], 0
    for key, title in PANELS:
        more, top = panel(results, key, title, top)
        lines += more
    lines.append(
        f'<text x="0" y="{top + 10}">Two processes, {PLACEMENT}, medians; the scale is logarithmic. '
        "Blue: ConnectTo; grey: C on a socket pair, the limit.</text>")
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + 20}" width="{WIDTH}">'
    with open(path, "w") as file:
        file.write("\n".join([head, STYLE, *lines, "</svg>"]) + "\n")
