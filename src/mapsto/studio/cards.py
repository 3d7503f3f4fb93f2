"""What there is to choose from: styles and their places on a map, models, composers, instruments. Only headers are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mapsto import weights
from mapsto.errors import WeightsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Points = NDArray[np.float64]

GAP = 0.11
"""Distance of two points on a map below which they are moved apart; the map's side is 1."""

KINDS = {
    "ImageModel": "image",
    "ScoreNetwork": "music",
    "TimbreVAE": "instruments",
    "StyleNetwork": "style",
    "DrumKit": "instruments",
}
"""What a page calls architectures."""


def styles(network: str) -> list[dict[str, Any]]:
    """Every style with a name, its source, and its place on the map."""
    from mapsto.image import hands
    from mapsto.image.styles import styles as known

    found = known(network)
    own = [style["name"] for style in found if style["kind"] == "learned"]
    points = map_of(_tensor(network, "presets"), [_tensor(hands.path_of(name), "presets")[0] for name in own])
    return [
        {
            "name": style["name"],
            "title": {
                "en": style.get("title") or style["name"],
                "zh": style.get("title_zh") or style.get("title") or style["name"],
            },
            "source": {key: str(style[key]) for key in ("hand", "artist", "year", "licence") if key in style},
            "own": style["kind"] == "learned",
            "x": x,
            "y": y,
        }
        for style, (x, y) in zip(found, points, strict=True)
    ]


def place_of(network: str, vector: Points) -> tuple[float, float]:
    """Where another style vector [S] lies on the map."""
    from mapsto.image import hands

    own = [_tensor(hands.path_of(name), "presets")[0] for name in hands.names()]
    return map_of(_tensor(network, "presets"), [*own, vector])[-1]


def models() -> list[dict[str, Any]]:
    """All weights that a person may want to know of, with their cards."""
    from mapsto.image import own_models

    found = []
    for name, path in weights.catalogue().items():
        try:
            card = weights.card(path)
        except WeightsError:
            continue
        if name.startswith("hand."):
            kind, shown, own = "style", name.removeprefix("hand."), True
        else:
            kind, shown, own = KINDS.get(card["architecture"], ""), name, path == own_models.path_of(name)
        if kind:
            made, told = (
                card["arguments"],
                {key: value for key, value in card.items() if key not in ("arguments", "spaces", "presets")},
            )
            about = (
                {"width": made.get("width"), "height": made.get("height"), "channels": made.get("channels", 3)}
                if kind == "image"
                else {}
            )
            found.append(
                {
                    "name": shown,
                    "kind": kind,
                    "licence": str(card.get("licence", "")),
                    "data": str(card.get("data", "")),
                    "size_bytes": path.stat().st_size,
                    "sha256": weights.digest(path),
                    "card": told,
                    "own": own,
                    **about,
                    **(_drawing(card) if kind == "image" else {}),
                }
            )
    return found


def _drawing(card: dict[str, Any]) -> dict[str, Any]:
    """Of a model of pictures: its priors, classes and sliders."""
    made, has = card["arguments"], {"flow": "flow", "gan": "gan", "gaussian": "vae"}
    axes, named = int(made.get("axes") or 0), card.get("sliders")
    named = named if isinstance(named, dict) else {}
    sliders = [str(named.get(str(number), number)) for number in range(1, axes + 1)]
    return {
        "priors": [prior for prior, part in has.items() if made.get(part) is not None],
        "classes": [str(each) for each in made.get("classes", ())],
        "sliders": sliders or [str(name) for name in named.values()],
    }


def composers() -> list[dict[str, Any]]:
    """Who composes, in which styles, and how these are usually counted."""
    from mapsto.sound import composers as known
    from mapsto.sound.composers import names

    told: dict[str, list[dict[str, Any]]] = {name: [] for name in names()}
    for style in known.styles() if told else ():
        told[style["model"]].append(
            {key: style[key] for key in ("name", "tempo_bpm", "meter")} | {"own": style["kind"] == "own"}
        )
    return [{"name": name, "styles": styles, "meters": ["4/4", "3/4", "6/8"]} for name, styles in told.items()]


def instruments(network: str = "instruments") -> list[dict[str, Any]]:
    """Instruments, and where they lie on the map of timbres."""
    try:
        names = list(weights.card(network)["arguments"].get("names", ()))
        points = map_of(_tensor(network, "points"), [])
    except WeightsError:
        return []
    return [{"name": name, "x": x, "y": y} for name, (x, y) in zip(names, points, strict=True)]


def _tensor(source: Any, name: str) -> Points:
    """A tensor of a file of weights, as float64."""
    import numpy as np
    from safetensors import SafetensorError, safe_open

    path = weights.resolve(source)
    try:
        with safe_open(path, framework="np") as file:
            return np.asarray(file.get_tensor(name), dtype=np.float64)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path.name} is damaged: {error}.", "Fetch or train it again.") from error


def map_of(vectors: Points, more: list[Points]) -> list[tuple[float, float]]:
    """Places in [0, 1]² for vectors [N, S]: their two principal directions, spread over the square, none upon another.

    Further vectors are put on the same plane, and move none of the first.

    Source: principal components; then every pair nearer than `GAP` pushes itself apart.
    """
    import numpy as np

    if not len(vectors) and not more:
        return []
    if not len(vectors):
        vectors, more = np.asarray(more, dtype=np.float64).reshape(len(more), -1), []
    if len(vectors) < 3:
        middle = [((i + 1) / (len(vectors) + 1), 0.5) for i in range(len(vectors))]
        return middle + [(0.5, 0.5)] * len(more)
    mean = vectors.mean(0)
    _, _, axes = np.linalg.svd(vectors - mean, full_matrices=False)
    axes = axes[:2] * np.where(axes[:2].sum(1) < 0, -1, 1)[:, None]
    flat = (vectors - mean) @ axes.T
    # By rank for one half, by distance for the other: an outlier should not press all others into a corner.
    low, high = flat.min(0), flat.max(0)
    ranks = flat.argsort(0).argsort(0) / (len(flat) - 1)
    places = 0.05 + 0.9 * (0.6 * ranks + 0.4 * (flat - low) / np.maximum(high - low, 1e-9))
    places = _apart(places, np.zeros((0, 2)))
    if not more:
        return [(round(float(x), 4), round(float(y), 4)) for x, y in places]
    strange = (np.stack(more) - mean) @ axes.T
    nearest = ((strange[:, None] - flat[None]) ** 2).sum(2).argsort(1)[:, :3]
    weight = 1 / (np.take_along_axis(((strange[:, None] - flat[None]) ** 2).sum(2), nearest, 1) + 1e-9)
    own = (places[nearest] * (weight / weight.sum(1, keepdims=True))[:, :, None]).sum(1)
    own = _apart(own, places)
    return [(round(float(x), 4), round(float(y), 4)) for x, y in np.concatenate([places, own])]


def _apart(places: Points, fixed: Points, steps: int = 200) -> Points:
    """Move places [N, 2] apart from each other and from those that are fixed."""
    import numpy as np

    places = places.copy()
    for _ in range(steps):
        everyone = np.concatenate([places, fixed])
        away = places[:, None] - everyone[None]
        # Two on one spot have no direction: each gets one of its own.
        angle = np.arange(len(places))[:, None] * 2.4 + np.arange(len(everyone))[None]
        distance = np.linalg.norm(away, axis=2)
        tiny = distance < 1e-6
        away = np.where(tiny[..., None], np.stack([np.cos(angle), np.sin(angle)], 2) * 1e-3, away)
        push = np.maximum(0, GAP - distance) / np.maximum(distance, 1e-3)
        push[np.arange(len(places)), np.arange(len(places))] = 0
        moved = places + 0.25 * (away * push[..., None]).sum(1)
        moved = moved.clip(0.03, 0.97)
        if np.abs(moved - places).max() < 1e-5:
            break
        places = moved
    return places
