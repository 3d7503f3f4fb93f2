"""`mapsto models`: which models draw pictures, and forgetting one's own."""

from __future__ import annotations

from typing import Annotated, Any

from mapsto.cli import options
from mapsto.cli.options import option
from mapsto.cli.table import show
from mapsto.cli.voice import Voice, speaking

COLUMNS = ("name", "kind", "size", "priors", "draws", "scores", "licence")
LONGEST = 60
"""Letters of a cell for people; --json has everything."""


def models(
    forget: Annotated[
        str | None, option("--forget", help="Delete a model, a composer or an instrument of your own.", metavar="NAME")
    ] = None,
    json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """List the models that draw new pictures, and your own instruments; `mapsto styles --music` lists composers.

    What they draw, how large, by which priors, how well, and under which licence.
    """
    with speaking("models", json=json, quiet=quiet, verbose=verbose) as voice:
        if forget is not None:
            _forget(forget, voice)
        else:
            _list(voice)


def _forget(name: str, voice: Voice) -> None:
    from mapsto.image import models

    run = models.forget(name)
    voice.note(f"Forgot {name}.{f' Its training is still in {run}.' if run else ''}")


def _list(voice: Voice) -> None:
    from mapsto.image import models

    found = models.models()
    voice.data["models"] = found
    if not found:
        voice.note("There is no model yet; `mapsto train` makes one.")
    rows = [[_cell(model, column) for column in COLUMNS] for model in found]
    show(COLUMNS, rows, voice, whole=("name", "kind", "size"))
    _list_instruments(voice)


def _list_instruments(voice: Voice) -> None:
    """Those the user has learned."""
    from mapsto import weights
    from mapsto.sound import bands

    own = bands.own()
    told = ("scores", "licence", "data", "start")
    cards = {name: weights.card(model) for name, model in own.items()}
    voice.data["instruments"] = [
        {"name": name, "model": own[name], **{key: card.get(key) for key in told}} for name, card in cards.items()
    ]
    if own:
        voice.note(f"Instruments of your own: {', '.join(own)}. `mapsto sound` lists all.")


def _cell(model: dict[str, Any], column: str) -> str:
    """What a person reads of a model; cards come from files, so nothing is taken for granted."""
    if column == "size":
        text = f"{model['width']}×{model['height']}{', transparent' if model['channels'] == 4 else ''}"
    elif column == "scores":
        scores = model["scores"] if isinstance(model["scores"], dict) else {}
        text = ", ".join(f"{name} {value:g}" for name, value in scores.items() if isinstance(value, int | float))
    elif column == "priors":
        text = ", ".join(model["priors"])
    else:
        text = str(model[column] or "")
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
