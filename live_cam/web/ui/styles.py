"""The style sheet and the head of the page, which the first page and Gradio's share."""

from __future__ import annotations

from pathlib import Path
from typing import Final, get_args

from live_cam.render.colormaps import COLORMAPS
from live_cam.render.legend import legend_css
from live_cam.types import Style
from live_cam.web.ui.scripts import FOLDER

_STATIC = Path(__file__).with_name("static")

BACKGROUND: Final = "#f8fafc"
DARK_BACKGROUND: Final = "#0b1120"


def _legends() -> list[str]:
    """Returns a CSS rule for the colours of each legend, by colormap and style."""
    return [
        f'.live-legend[data-colormap="{colormap}"][data-style="{style}"] .live-ramp '
        f"{{ background-image: {legend_css(colormap, style)}; }}"
        for colormap in COLORMAPS
        for style in get_args(Style)
    ]


CSS: Final = "\n".join([*(sheet.read_text("utf-8") for sheet in sorted(_STATIC.glob("*.css"))), *_legends()])

# The rules for motion and of the body are here since Gradio scopes the selectors of the style sheet, which then do not
# reach the whole page.
STYLE: Final = f"""<style>
:root {{ --body-background-fill: {BACKGROUND} !important; }}
.dark {{ --body-background-fill: {DARK_BACKGROUND} !important; }}
body {{ background: var(--body-background-fill) !important; }}
body:has(.live-stage[data-state="live"]) .live-dot {{ background: #16a34a !important; }}
body[data-dropping] .live-stage {{ outline: 4px dashed var(--live-accent); outline-offset: -4px; }}
@media (prefers-reduced-motion: reduce) {{
  *, ::before, ::after {{ transition: none !important; animation: none !important; scroll-behavior: auto !important; }}
}}
</style>"""


def script_tags(*names: str) -> str:
    """Returns what loads scripts; files only: the page's policy lets no script run that is added inline."""
    return "\n".join(f'<script type="module" src="{FOLDER}{name}.js"></script>' for name in names)
