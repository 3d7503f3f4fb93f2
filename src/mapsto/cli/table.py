"""A table: with columns on a terminal, with tabs for programs."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence

from mapsto.cli.voice import Voice


def show(columns: Sequence[str], rows: Sequence[Sequence[str]], voice: Voice, *, whole: Collection[str]) -> None:
    """Say a table.

    Args:
        columns: Their names; the first is the name of the row.
        rows: A cell for each column.
        voice: Where to.
        whole: Columns that are never broken into lines.
    """
    if not sys.stdout.isatty() or voice.json or voice.quiet:
        for row in rows:
            voice.result("\t".join(row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(voice.said(column), no_wrap=column in whole, style="bold" if column == columns[0] else None)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
