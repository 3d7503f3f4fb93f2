"""Everything is a mapping: any photo in any style, and new pictures, offline, on a laptop.

    import mapsto
    mapsto.style("photo.jpg", "starry-night", strength=0.7).save("out.png")
    mapsto.Generator.from_pretrained("portrait")(n=4, seed=7)[0].save("face.png")

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
    from mapsto.media.picture import Picture

__version__ = "0.1.0"

__all__ = [
    "Generator",
    "Mapping",
    "MapstoError",
    "Picture",
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
