"""A small home with small random weights: what the commands do does not depend on how well they paint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

NAMES = ("starry-night", "great-wave", "ink", "mosaic")
CARD: dict[str, Any] = {"recipe": "random", "data": "none", "licence": "none", "scores": {}}


def toy_models() -> dict[str, Any]:
    """Models of pictures of all kinds: everything over latents, transparency, pixels alone."""
    import torch

    from mapsto.image.image_model import ImageModel

    vae = {"base": 8, "factor": 4, "latent": 2, "decoder_blocks": 1}
    flow = {"channels": 2, "height": 4, "width": 6, "base": 32, "blocks": 1, "embedding": 32, "classes": 2}
    gan = {"channels": 2, "height": 4, "width": 6, "z_size": 8, "w_size": 8, "base": 8, "blocks": 3}
    found = {
        "hills": ImageModel(16, 24, vae=vae, flow=flow, gan=gan, classes=("hill", "sea"), axes=6),
        "sprites": ImageModel(16, 16, channels=4, vae={**vae, "channels": 4}, axes=4),
        "dots": ImageModel(16, 16, gan={**gan, "channels": 3, "height": 16, "width": 16, "pixels": True}),
    }
    for model in found.values():
        for network in (model.flow, model.gan):  # a fresh one changes nothing
            for weight in network.parameters() if network is not None else ():
                torch.nn.init.normal_(weight, std=0.1)
        if model.vae is not None:
            model.measure(torch.randn(50, *model.centre.shape))
    return found


def furnish(home: Path) -> None:
    """Write weights into a MAPSTO_HOME: a style network whose styles differ, models of pictures, and what they need."""
    import torch

    from mapsto import weights
    from mapsto.image.encoder import StyleEncoder
    from mapsto.image.features import PerceptualNetwork
    from mapsto.image.stylize import StyleNetwork

    torch.manual_seed(1)
    network = StyleNetwork(names=NAMES, width=8, deep=8, deep_blocks=1, fine_blocks=1)
    network.presets.normal_()
    network.presets[:, 0] = 1
    told = {name: {"hand": f"hand of {name}", "artist": "Nobody", "title": name.title(), "year": "2026"} for name in NAMES}
    weights.save(network, home / "data/weights/tiny.safetensors", {**CARD, "presets": told})
    for name, model in toy_models().items():
        weights.save(
            model, home / f"data/weights/{name}.safetensors", {**CARD, "draws": f"toy {name}", "sliders": {"1": "light"}}
        )
    for name, kind in {"style-encoder-s": StyleEncoder, "features-s": PerceptualNetwork}.items():
        if name not in weights.catalogue():
            weights.save(kind(), home / f"data/weights/{name}.safetensors", CARD)
