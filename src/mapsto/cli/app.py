"""The table of verbs, and what holds for all of them: configuration, signals and mistakes in the command itself."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Annotated, Any

import typer
from typer.main import get_command

import mapsto
from mapsto.cli import (
    adapt,
    compose,
    config,
    demo,
    doctor,
    edit,
    evaluate,
    generate,
    info,
    mix,
    models,
    morph,
    paint,
    play,
    preview,
    reconstruct,
    redo,
    sound,
    stream,
    studio,
    style,
    styles,
    tongue,
    train,
    walk,
)
from mapsto.cli.voice import Fault, Voice, fault_of, give_up_stdout
from mapsto.errors import MapstoError
from mapsto.words import ENGLISH

CLICK_ERROR: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""The base of all mistakes in a command. Typer brings its own copy of click or needs one, depending on its version."""

LEARNING = ("train", "adapt", "evaluate")

DRAWING: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("generate", "reconstruct", "walk", "mix", "paint"), ("steps",)),
    "edit": ("steps", "seed"),  # a seed there says which picture
}
"""Verbs that draw pictures, and the defaults that mean something else there."""

app = typer.Typer(
    name="mapsto",
    help="Any photo in any style, offline, on a laptop.",
    epilog="Defaults can be set in ./mapsto.toml, in the user's config.toml, or as MAPSTO_STRENGTH and the like.",
    rich_markup_mode=None,  # rich help takes twice as long to appear
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.command("style")(style.style)
app.command("styles")(styles.styles)
app.command("morph")(morph.morph)
app.command("preview")(preview.preview)
app.command("stream")(stream.stream)
app.command("train")(train.train)
app.command("adapt")(adapt.adapt)
app.command("evaluate")(evaluate.evaluate)
app.command("generate")(generate.generate)
app.command("reconstruct")(reconstruct.reconstruct)
app.command("walk")(walk.walk)
app.command("mix")(mix.mix)
app.command("edit")(edit.edit)
app.command("paint")(paint.paint)
app.command("compose")(compose.compose)
app.command("sound")(sound.sound)
app.command("play")(play.play)
app.command("models")(models.models)
app.command("info")(info.info)
app.command("redo")(redo.redo)
app.command("studio")(studio.studio)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
    _lang: Annotated[
        str | None,
        typer.Option(tongue.FLAG, metavar="en|zh", help="Language of help and messages; may stand after the verb too."),
    ] = None,  # heard by `tongue.listen` before anything else is
) -> None:
    """Any photo in any style, offline, on a laptop."""
    if version:
        typer.echo(f"mapsto {mapsto.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit
    found = config.defaults()
    context.default_map = dict.fromkeys(("style", "styles", "morph", "preview", "stream", "demo", "doctor"), found)
    for verb, other in DRAWING.items():
        context.default_map[verb] = {key: value for key, value in found.items() if key not in other}
    for verb in LEARNING:  # what is said of sizes and steps is meant for painting
        context.default_map[verb] = {key: found[key] for key in ("device", "precision", "seed") if key in found}
    context.default_map["studio"] = {key: found[key] for key in ("device", "precision", "weights") if key in found}
    # What redo computes with stands in the painted file.
    context.default_map["redo"] = {key: value for key, value in found.items() if key in ("max_pixels", "strip")}


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; whatever goes wrong is told in one line."""
    for pipe in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a replaced stream may not know how
            pipe.reconfigure(errors="replace")  # type: ignore[union-attr]
    with suppress(ValueError):  # only the main thread may
        signal.signal(signal.SIGTERM, _terminated)
    try:
        arguments = tongue.listen(arguments)
        return int(_command()(arguments, prog_name="mapsto", standalone_mode=False) or 0)
    except CLICK_ERROR as error:
        return _told(arguments, Fault(2, error.format_message(), _where_help_is(error)))
    except MapstoError as error:
        return _told(arguments, fault_of(error))
    except BrokenPipeError:  # the reader of our output has enough, as in `mapsto styles | head -3`
        give_up_stdout()
        return 0
    except OSError as error:  # the last words could not be written
        give_up_stdout()
        return _told((), fault_of(error))
    except (KeyboardInterrupt, typer.Abort):
        return _told(arguments, fault_of(KeyboardInterrupt()))


def _command() -> Any:
    """All verbs; their help speaks the language that is spoken now."""
    command: Any = get_command(app)
    if tongue.spoken() != ENGLISH:
        from mapsto.cli import manual

        manual.translate(command, tongue.spoken())
    return command


def _told(arguments: Sequence[str], fault: Fault) -> int:
    voice = Voice(next(iter(arguments), ""), json="--json" in arguments)
    voice.fail(fault)
    return voice.close()


def _where_help_is(error: Any) -> str:
    context = getattr(error, "ctx", None)
    return f"See {context.command_path if context else 'mapsto'} --help."


def _terminated(_number: int, _frame: FrameType | None) -> None:
    """Leave like after Ctrl-C, so that half-written files are cleared away."""
    raise KeyboardInterrupt
