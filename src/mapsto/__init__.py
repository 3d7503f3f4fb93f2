"""Everything is a mapping: any photo in any style, new pictures and new music, offline, on a laptop.

    import mapsto
    mapsto.style("photo.jpg", "starry-night", strength=0.7).save("out.png")
    mapsto.Generator.from_pretrained("portrait")(n=4, seed=7)[0].save("face.png")
    mapsto.Composer.from_pretrained("scores").blend({"ragtime": 0.6, "lied": 0.4}, bars=16, seed=1).save("tune.mid")

Names load when they are first used, so `import mapsto` is instant and imports neither torch nor numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mapsto import device, errors, paths, spaces, weights
    from mapsto.errors import MapstoError
    from mapsto.image.generator import Generator
    from mapsto.image.morphing import morph
    from mapsto.image.styles import styles
    from mapsto.image.stylizer import Stylizer, style
    from mapsto.mapping import Mapping
    from mapsto.media.audio import Sound
    from mapsto.media.picture import Picture
    from mapsto.sound.composer import Composer
    from mapsto.sound.instrument import Instruments
    from mapsto.sound.score import Score

__version__ = "0.1.0"

__all__ = [
    "Composer",
    "Generator",
    "Instruments",
    "Mapping",
    "MapstoError",
    "Picture",
    "Score",
    "Sound",
    "Stylizer",
    "__version__",
    "device",
    "errors",
    "morph",
    "paths",
    "spaces",
    "style",
    "styles",
    "weights",
]

# Where each name lives; a name that is not here is a module of the package itself.
# No module may be called like a public function: importing it would replace the function.
_HOME = {
    "Composer": "mapsto.sound.composer",
    "Instruments": "mapsto.sound.instrument",
    "Score": "mapsto.sound.score",
    "Sound": "mapsto.media.audio",
    "Generator": "mapsto.image.generator",
    "Mapping": "mapsto.mapping",
    "MapstoError": "mapsto.errors",
    "Picture": "mapsto.media.picture",
    "Stylizer": "mapsto.image.stylizer",
    "morph": "mapsto.image.morphing",
    "style": "mapsto.image.stylizer",
    "styles": "mapsto.image.styles",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'mapsto' has no attribute {name!r}")
    home = _HOME.get(name)
    value = getattr(import_module(home), name) if home else import_module(f"mapsto.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
