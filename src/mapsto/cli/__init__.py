"""The command line: one file per family of verbs. Nothing heavy is imported before a verb needs it."""

from __future__ import annotations


def main() -> None:
    """What `mapsto` and `python -m mapsto` run."""
    import sys

    from mapsto.cli.app import run

    sys.exit(run(sys.argv[1:]))
