"""README and docs: links lead somewhere, options exist and are documented, snippets compile and import what exists."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer

from live_cam.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
CURRENT = [page for page in PAGES if page.name != "CHANGELOG.md"]
"""Pages that describe the program as it is; the change log names old options too."""
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r"(?<![\w-])(?:-[a-zA-Z]|--[a-z][a-z-]*)(?![\w-])")


def options(name):
    """Returns the options of a command that its help lists."""
    shown = [each for each in COMMANDS[name].params if each.param_type_name == "option" and not each.hidden]
    return {option for each in shown for option in (*each.opts, *each.secondary_opts)} | {"--help", "-h"}


OWN_OPTIONS = {option for each in typer.main.get_command(app).params for option in each.opts}
"""Those of `live-cam` without a command."""
ALL_OPTIONS = OWN_OPTIONS.union(*map(options, COMMANDS))


def code(page):
    """Returns the inline code and the lines of code blocks."""
    text = page.read_text("utf-8")
    blocks = [block.replace("\\\n", " ") for _, block in FENCE.findall(text)]
    inline = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    return [*inline, *(line.strip() for block in blocks for line in block.splitlines())]


def commands(page):
    """Returns each `live-cam` command in the page's code, as the subcommand and its arguments."""
    found = []
    for line in code(page):
        match = re.match(r"(?:\$ )?(?:\./scripts/run|(?:\.venv/bin/)?live-cam)( [^#|]*)?", line)
        if match:
            words = shlex.split((match[1] or "").split("  ")[0])
            name = words.pop(0) if words and words[0] in COMMANDS else "serve"
            found.append((name, words))
    return found


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_relative_links_lead_to_files_and_headings(page):
    for link in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_and_image_of_docs_is_linked():
    links = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in LINK.findall(page.read_text("utf-8"))
    }
    assert [path.name for path in (ROOT / "docs").iterdir() if path.is_file() and path not in links] == []


@pytest.mark.parametrize("page", CURRENT, ids=lambda page: page.name)
def test_options_in_the_docs_exist(page):
    for each in code(page):
        if each.startswith("--"):
            assert set(OPTION.findall(each)) <= ALL_OPTIONS, each
    for name, words in commands(page):
        assert {word for word in words if OPTION.fullmatch(word)} <= options(name) | OWN_OPTIONS, (name, words)


def test_every_option_is_documented():
    text = (ROOT / "docs" / "options.md").read_text("utf-8")
    assert ALL_OPTIONS - set(OPTION.findall(text)) == set()
    assert [name for name in COMMANDS if f"`live-cam {name}`" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_python_snippets_compile_and_import_what_exists(page):
    snippets = [block for language, block in FENCE.findall(page.read_text("utf-8")) if language == "python"]
    tree = ast.parse("\n".join(snippets), page.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                import_module(name.name)
        elif isinstance(node, ast.ImportFrom):
            assert all(hasattr(import_module(node.module or ""), name.name) for name in node.names), ast.unparse(node)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "live_cam":
            assert hasattr(import_module("live_cam"), node.attr), ast.unparse(node)


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_python_snippets_run_and_print_what_they_say(page, gradio_media, tmp_path, monkeypatch, capsys, weights):
    for name in ("lion.jpg", "photo.jpg"):
        shutil.copyfile(gradio_media / "images" / "lion.jpg", tmp_path / name)
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page).read_text("utf-8")
    namespace = {}
    for snippet in (block for language, block in FENCE.findall(text) if language == "python"):
        exec(compile(snippet, page, "exec"), namespace)
        printed = capsys.readouterr().out.splitlines()
        promised = re.findall(r"^print\(.*\)  # (.*)$", snippet, re.MULTILINE)
        assert printed[: len(promised)] == promised
    assert (tmp_path / "overlay.png").exists()


def test_readme_and_python_page_hold_snippets():
    for page in (ROOT / "README.md", ROOT / "docs" / "python.md"):
        assert any(language == "python" for language, _ in FENCE.findall(page.read_text("utf-8")))
