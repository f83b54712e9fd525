"""The page of the wall."""

from __future__ import annotations

from typing import Final

from live_cam.web.ui.styles import BACKGROUND, DARK_BACKGROUND, script_tags

_STYLE: Final = f"""<style>
:root {{
  color-scheme: light dark; --text: #1f2937; --quiet: #475569; --border: #cbd5e1; --tile: #fff; --accent: #1d4ed8;
  --alarm: #b91c1c; --page: {BACKGROUND};
}}
@media (prefers-color-scheme: dark) {{
  :root {{
    --text: #f3f4f6; --quiet: #cbd5e1; --border: #334155; --tile: #0f172a; --accent: #93c5fd; --alarm: #fca5a5;
    --page: {DARK_BACKGROUND};
  }}
}}
*, ::before, ::after {{ box-sizing: border-box; }}
[hidden] {{ display: none !important; }}
body {{ margin: 0; color: var(--text); background: var(--page); font: 16px/1.4 system-ui, sans-serif; }}
header {{
  position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline;
  padding: 0.6rem 1rem; background: var(--page); border-bottom: 1px solid var(--border);
}}
h1 {{ margin: 0; font-size: 1.15rem; }}
p {{ margin: 0; }}
#count {{ color: var(--quiet); }}
#notice {{ color: var(--alarm); }}
#wall {{
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(11rem, 45%), 1fr)); gap: 0.75rem; padding: 1rem;
  margin: 0; list-style: none;
}}
#wall button {{
  display: block; width: 100%; padding: 0; overflow: hidden; border: 1px solid var(--border); border-radius: 8px;
  color: inherit; background: var(--tile); font: inherit; text-align: start; cursor: pointer;
}}
#wall button:hover, #wall button:focus-visible, dialog button:focus-visible {{
  outline: 3px solid var(--accent); outline-offset: 1px;
}}
canvas {{ display: block; width: 100%; aspect-ratio: 4 / 3; background: #000; object-fit: contain; }}
.words {{ display: block; min-height: 3.4rem; padding: 0.35rem 0.6rem; }}
.words > span {{ display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 0.85rem; }}
.words > .name {{ font-weight: 600; font-size: 0.95rem; }}
.answer {{ color: var(--quiet); }}
.message {{ color: var(--alarm); }}
li:not([data-state="live"]) canvas {{ opacity: 0.35; }}
li:not([data-state="live"]) .answer {{ display: none; }}
dialog {{
  width: min(96vw, 75rem); max-height: 96vh; padding: 0.75rem; border: 1px solid var(--border); border-radius: 10px;
  color: var(--text); background: var(--tile);
}}
dialog::backdrop {{ background: rgb(0 0 0 / 60%); }}
dialog canvas {{ max-height: 76vh; }}
dialog p {{ min-height: 1.4em; }}
.bar {{ display: flex; gap: 1rem; align-items: center; justify-content: space-between; margin-bottom: 0.5rem; }}
dialog h2 {{ margin: 0; font-size: 1.05rem; overflow-wrap: anywhere; }}
dialog button {{
  min-height: 2.25rem; padding: 0 0.9rem; border: 1px solid var(--border); border-radius: 8px; color: inherit;
  background: transparent; font: inherit; cursor: pointer;
}}
</style>"""


def wall_page(cameras_n: int) -> str:
    """Returns the page for a number of cameras, whose names and states the script requests."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>live_cam wall</title>
<link rel="icon" href="data:,">
{_STYLE}
{script_tags("wall")}
</head>
<body>
<header><h1>live_cam</h1><p id="count"></p><p id="notice" role="status"></p></header>
<main><ul id="wall" data-cameras="{cameras_n}"></ul></main>
<dialog id="large" aria-labelledby="large-name">
<div class="bar"><h2 id="large-name"></h2><form method="dialog"><button>Close</button></form></div>
<canvas width="640" height="480" role="img" aria-label="Live overlay of the map"></canvas>
<p class="answer"></p><p class="message"></p>
</dialog>
</body>
</html>"""
