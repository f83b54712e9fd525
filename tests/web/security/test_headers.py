"""The policy of what a page may load and run."""

from __future__ import annotations

import re

import pytest

from live_cam.web.ui.scripts import FOLDER
from tests.web.browser import wait_until

# Ways to run a script that text from outside would have in markup, and none of the server's.
ATTACKS = """() => {
  globalThis.blocked = [];
  document.addEventListener("securitypolicyviolation", (event) => globalThis.blocked.push(event.effectiveDirective));
  const script = document.createElement("script");
  script.textContent = "globalThis.attacked = 1";
  const foreign = document.createElement("script");
  foreign.src = "https://elsewhere.invalid/script.js";
  document.head.append(script, foreign);
  document.body.insertAdjacentHTML("beforeend", `
    <img src="data:," onerror="globalThis.attacked = 1">
    <img src="https://elsewhere.invalid/picture.png">`);
}"""


def test_only_the_page_runs_scripts_and_those_are_named(site):
    page = site.http.get("").headers["Content-Security-Policy"]
    scripts = re.search("script-src ([^;]+)", page)[1].split()
    assert [source for source in scripts if not source.startswith("'sha256-")] == ["'self'", "'unsafe-eval'"]
    for path in ("stats", "snapshot.jpg", f"{FOLDER}viewer.js", "no-such-route"):
        policy = site.http.get(path).headers["Content-Security-Policy"]
        assert "script-src 'none'" in policy, path
        assert "frame-ancestors 'self'" in policy, path


@pytest.mark.slow
def test_no_script_runs_that_is_added_to_the_page(site, chromium):
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(site.url, wait_until="commit")
        page.locator("gradio-app").wait_for(state="attached")
        page.evaluate(ATTACKS)
        wait_until(page, lambda: page.evaluate("blocked.length") == 4)
        assert page.evaluate("blocked.sort()") == ["img-src", "script-src-attr", "script-src-elem", "script-src-elem"]
        assert page.evaluate("globalThis.attacked") is None
