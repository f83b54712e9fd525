"""Gradio's theme, and the head of its page."""

from __future__ import annotations

from typing import Final

import gradio as gr

from live_cam.web.ui.styles import BACKGROUND, DARK_BACKGROUND, STYLE, script_tags

# No web fonts: the page works offline and contacts no other server.
THEME: Final = gr.themes.Default(
    primary_hue="teal",
    neutral_hue="slate",
    font=["system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
    radius_size="lg",
).set(
    body_background_fill=BACKGROUND,
    body_background_fill_dark=DARK_BACKGROUND,
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

HEAD: Final = STYLE + script_tags("theme", "controls")
