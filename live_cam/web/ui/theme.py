"""Gradio's theme, the style sheet, and the head of the page."""

from __future__ import annotations

from pathlib import Path
from typing import Final, get_args

import gradio as gr

from live_cam.render.colormaps import COLORMAPS
from live_cam.render.legend import legend_css
from live_cam.types import Style
from live_cam.web.ui.scripts import FOLDER

_STATIC = Path(__file__).with_name("static")


def _legends() -> list[str]:
    """Returns a CSS rule for the colours of each legend, by colormap and style."""
    return [
        f'.live-legend[data-colormap="{colormap}"][data-style="{style}"] .live-ramp '
        f"{{ background-image: {legend_css(colormap, style)}; }}"
        for colormap in COLORMAPS
        for style in get_args(Style)
    ]


CSS: Final = "\n".join([*(sheet.read_text("utf-8") for sheet in sorted(_STATIC.glob("*.css"))), *_legends()])

_BACKGROUND, _DARK_BACKGROUND = "#f8fafc", "#0b1120"
# Gradio writes the page's background into the HTML, and builds all else with scripts a second later. With the poster as
# background the first paint has an image about where the stage will be; the style in the head then replaces it.
_POSTER = "url(poster.jpg?feed=0) 1rem 3.4rem / max(69vw, min(100vw - 2rem, 27rem)) auto no-repeat"

# No web fonts: the page works offline and contacts no other server.
THEME: Final = gr.themes.Default(
    primary_hue="teal",
    neutral_hue="slate",
    font=["system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
    radius_size="lg",
).set(
    body_background_fill=f"{_BACKGROUND} {_POSTER}",
    body_background_fill_dark=f"{_DARK_BACKGROUND} {_POSTER}",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_300",
    block_label_text_color="*neutral_700",
    block_label_text_color_dark="*neutral_200",
    block_title_text_color="*neutral_700",
    block_title_text_color_dark="*neutral_200",
    block_shadow="none",
    block_shadow_dark="none",
    color_accent="*primary_700",
    button_transition="none",
)

# The rule for motion is here since Gradio scopes the selectors of the style sheet, which then do not reach the whole
# page.
_STYLE = f"""<style>
:root {{ --body-background-fill: {_BACKGROUND} !important; }}
.dark {{ --body-background-fill: {_DARK_BACKGROUND} !important; }}
body {{ background: var(--body-background-fill) !important; }}
@media (prefers-reduced-motion: reduce) {{
  *, ::before, ::after {{ transition: none !important; animation: none !important; scroll-behavior: auto !important; }}
}}
</style>"""
# Files only: the page's policy lets no script run that is added inline.
_SCRIPTS = "\n".join(f'<script type="module" src="{FOLDER}{name}.js"></script>' for name in ("theme", "controls"))
HEAD: Final = _STYLE + _SCRIPTS
