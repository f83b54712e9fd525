"""The results as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from live_cam.models.labels import imagenet_labels

Row = Mapping[str, Any]


def print_machine(console: Console, machine: Row) -> None:
    """Prints the machine."""
    memory = "" if machine["memory_gib"] is None else f", {machine['memory_gib']} GiB"
    load = "" if machine["load_1min"] is None else f"; load before the start: {machine['load_1min']}"
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    console.print(
        f"[bold]{machine['cpu']}[/], {machine['cores_usable']} of {machine['cores']} cores{memory}{load}\n"
        f"{' '.join(machine['cpu_flags'])}\n"
        f"GPU: {'; '.join(machine['gpus']) or 'no NVIDIA GPU'}\n"
        f"{machine['system']}, Python {machine['python']}\n{packages}\n"
    )


def print_contestants(console: Console, rows: Sequence[Row], reference: str, size: str) -> None:
    """Prints the contestants' times, and the reason of each that was skipped."""
    labels = imagenet_labels()
    table = Table(
        title=f"One explanation of one {size} frame",
        caption=f"x default: time relative to {reference}; x forward: to the same network's forward pass alone; both "
        "within each round. map r: correlation with the default's map at 7x7 (another layer has another map).",
    )
    columns: dict[str, Callable[[Row], str]] = {
        "": lambda row: row["name"],
        "runs in": lambda row: row["runs_in"],
        "median ms": lambda row: f"{row['median_ms']:.1f}",
        "p95 ms": lambda row: f"{row['p95_ms']:.1f}",
        "x default": lambda row: _number(row["ratio_to_reference"], ".2f"),
        "x forward": lambda row: _number(row["ratio_to_forward"], ".2f"),
        "class": lambda row: labels[row["class_index"]],
        "map r": lambda row: _number(row["map_correlation"], ".3f"),
    }
    _print_table(console, table, columns, rows)


def print_stages(console: Console, rows: Sequence[Row]) -> None:
    """Prints where the time of a frame goes."""
    table = Table(title="Where a frame's time goes: medians in one thread, without a server")
    columns: dict[str, Callable[[Row], str]] = {
        "": lambda row: row["size"],
        "read ms": lambda row: f"{row['read_ms']:.2f}",
        "explain ms": lambda row: f"{row['explain_ms']:.2f}",
        "overlay ms": lambda row: f"{row['overlay_ms']:.2f}",
        "encode ms": lambda row: f"{row['encode_ms']:.2f}",
        "JPEG KiB": lambda row: f"{row['jpeg_kib']:.0f}",
    }
    _print_table(console, table, columns, rows)


def print_end_to_end(console: Console, rows: Sequence[Row]) -> None:
    """Prints what viewers of the whole program receive, and what it costs."""
    table = Table(
        title="End to end: from a camera of 60 fps to every viewer's socket",
        caption="encoded: from capture to the encoded overlay; displayed: from capture to the viewer's "
        "acknowledgement. CPU: the server's, 100 % a core; µs of its event loop, and of the viewers, for each frame "
        "that each viewer receives. The viewers run on this machine, too.",
    )
    columns: dict[str, Callable[[Row], str]] = {
        "": lambda row: row["size"],
        "viewers": lambda row: str(row["viewers"]),
        "explained fps": lambda row: f"{row['explained_fps']:.1f}",
        "encoded p50 ms": lambda row: _number(row["encode_latency_p50_ms"], ".0f"),
        "p95": lambda row: _number(row["encode_latency_p95_ms"], ".0f"),
        "displayed p50 ms": lambda row: _number(row["display_latency_p50_ms"], ".0f"),
        "p95 ": lambda row: _number(row["display_latency_p95_ms"], ".0f"),
        "viewer fps": lambda row: f"{row['viewer_fps_median']:.1f}",
        "min": lambda row: f"{row['viewer_fps_min']:.1f}",
        "CPU %": lambda row: f"{row['server_cpu_percent']}",
        "loop µs": lambda row: _number(row["loop_cpu_us_per_frame"], ".0f"),
        "viewers µs": lambda row: _number(row["viewers_cpu_us_per_frame"], ".0f"),
        "MiB": lambda row: _number(row["server_resident_mib"], ".0f"),
    }
    _print_table(console, table, columns, rows)


def _print_table(
    console: Console, table: Table, columns: Mapping[str, Callable[[Row], str]], rows: Sequence[Row]
) -> None:
    """Prints a line for each row, and the reason of each that was skipped, with its name or size."""
    for title in columns:
        table.add_column(title, justify="left" if title in ("", "runs in", "class") else "right")
    for row in rows:
        if not row["skipped"]:
            table.add_row(*(cell(row) for cell in columns.values()))
    console.print(table)
    for row in rows:
        if row["skipped"]:
            name = row.get("name") or row.get("size") or "all"
            console.print(f"skipped: {name}: {row['skipped']}", markup=False)


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
