"""`mapsto info`: what a picture, a film, a piece of music, a sound or a file of weights is, and how it was made."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto.cli import options
from mapsto.cli.voice import Voice, speaking

if TYPE_CHECKING:
    from PIL import Image

    from mapsto.media.video import Film
    from mapsto.sound.score import Track


def info(
    file: options.File,
    json: options.Json = False,
    verbose: options.Verbose = False,
) -> None:
    """Show what a picture, a film, a piece of music, a sound or a file of weights is, and how it was made."""
    from mapsto import weights
    from mapsto.cli.batch import SCORES
    from mapsto.media.audio import WRITABLE

    with speaking("info", json=json, verbose=verbose) as voice:
        if file.suffix.lower() in SCORES:
            found = about_score(file)
            show = _show_score
        elif file.suffix.lower() in WRITABLE:
            found, show = about_sound(file), _show_sound
        elif file.suffix == weights.SUFFIX:
            found, show = {"path": str(file), **weights.card(file)}, _show_weights
        else:
            found, show = about(file), _show
        voice.data |= found
        show(file, found, voice)


def about(path: Path) -> dict[str, Any]:
    """A picture's format, size, profile, frames, metadata and settings; nothing is decoded.

    Raises:
        UnreadableInput: neither a picture nor a film.
    """
    from mapsto.media import animation, metadata, opening, video
    from mapsto.media.clip import is_clip

    if is_clip(path):
        return {
            "path": str(path),
            "bytes": path.stat().st_size if path.is_file() else 0,
            **_film(video.about(path), path.suffix[1:]),
        }
    with opening.stream(path) as file:
        image = opening.header(file, str(path), max_pixels=2**40)
        with image, opening.guarded(str(path)):
            found = {
                "path": str(path),
                "bytes": path.stat().st_size,
                "format": image.format,
                "width": image.width,
                "height": image.height,
                "mode": image.mode,
                "profile": _profile(image),
                "orientation": metadata.orientation(metadata.exif_of(image)),
                "exif": metadata.exif_of(image) is not None,
                "xmp": metadata.xmp_of(image) is not None,
                "settings": metadata.settings_of(image),
            }
    return {**found, "frames": animation.about(path, max_pixels=2**40).frames}


def about_score(path: Path) -> dict[str, Any]:
    """Tracks, bars, meter, key, tempo, length and notes of a MIDI file, its styles by bars, and how it was made.

    Raises:
        UnreadableInput: no MIDI file, or a damaged one.
    """
    from mapsto.media.midi import read_midi
    from mapsto.sound.tonality import estimated

    score, remarks = read_midi(path)
    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "format": "MIDI",
        "bars": score.bars,
        "meter": str(score.meter),
        "key": score.key,
        "sounds_like": estimated(score.grid()),
        "tempo_bpm": score.tempo_bpm,
        "seconds": round(score.seconds, 3),
        "notes": sum(len(track.notes) for track in score.tracks),
        "tracks": [_track(track) for track in score.tracks],
        "styles": [dict(blend) for blend in score.styles],
        "remarks": list(remarks),
        "settings": dict(score.settings),
    }


def about_sound(path: Path) -> dict[str, Any]:
    """Format, length, rate, channels and settings of a sound file.

    Raises:
        UnreadableInput: no sound file.
    """
    from mapsto.media import audio

    return {"path": str(path), "bytes": path.stat().st_size if path.is_file() else 0, **audio.about(path)}


def _track(track: Track) -> dict[str, Any]:
    return {"name": track.name, "instrument": track.instrument, "drums": track.drums, "notes": len(track.notes)}


def _film(film: Film, suffix: str) -> dict[str, Any]:
    """A film in the words of a picture."""
    return {
        "format": suffix.upper(),
        "width": film.size[0],
        "height": film.size[1],
        "mode": "YCbCr",
        "profile": "BT.709",
        "orientation": 1,
        "exif": False,
        "xmp": False,
        "settings": film.settings,
        "frames": film.frames,
        "fps": film.fps,
    }


def _profile(image: Image.Image) -> str | None:
    """The name of the colour profile, None without one."""
    from io import BytesIO

    from PIL import ImageCms

    icc = image.info.get("icc_profile")
    if not icc:
        return None
    with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(icc))).strip()
    return "unreadable"


def _show(path: Path, found: dict[str, Any], voice: Voice) -> None:
    voice.result(str(path))
    frames = f", {found['frames']} frames" if found["frames"] > 1 else ""
    turned = ", turned by EXIF" if found["orientation"] != 1 else ""
    _line(voice, "picture", f"{found['format']}, {found['width']}×{found['height']}{frames}{turned}, {_bytes(found['bytes'])}")
    _line(voice, "colours", f"{found['mode']}, {found['profile'] or 'no profile (taken as sRGB)'}")
    _line(voice, "metadata", " and ".join(name for name, key in (("EXIF", "exif"), ("XMP", "xmp")) if found[key]) or "none")
    _show_settings(path, found["settings"], voice)


def _show_score(path: Path, found: dict[str, Any], voice: Voice) -> None:
    from mapsto.cli.bar import spoken

    voice.result(str(path))
    sounds = "" if found["sounds_like"] == found["key"] or found["settings"] else f", which sounds like {found['sounds_like']}"
    _line(voice, "music", f"{_count(found['bars'], 'bar')} of {found['meter']} in {found['key']}{sounds}")
    _line(voice, "length", f"{spoken(found['seconds'])} at {found['tempo_bpm']:g} quarter notes a minute")
    for track in found["tracks"]:
        played = "" if track["instrument"] == track["name"] else f" ({track['instrument']})"
        _line(voice, "track", f"{track['name'] or 'without a name'}{played}, {_count(track['notes'], 'note')}")
    for bars, blend in _runs(found["styles"]):
        shares = ", ".join(f"{name} {weight:.0%}" for name, weight in blend.items())
        _data(voice, f"bars {bars}", shares or voice.said("no style"))
    for remark in found["remarks"]:
        _line(voice, "not kept", remark)
    _show_settings(path, found["settings"], voice)


def _show_sound(path: Path, found: dict[str, Any], voice: Voice) -> None:
    voice.result(str(path))
    rate = f"{found['rate_hz']:,} Hz, {_count(found['channels'], 'channel')}"
    _line(voice, "sound", f"{found['format']}, {found['seconds']:.1f} s, {rate}, {_bytes(found['bytes'])}")
    for name, text in told(found["settings"]).items() if "mapsto" in (found["settings"] or {}) else ():
        _data(voice, name, text)


def _show_weights(path: Path, found: dict[str, Any], voice: Voice) -> None:
    voice.result(str(path))
    _line(voice, "weights", f"{found['architecture']}, {_bytes(path.stat().st_size)}")
    for key in ("recipe", "data", "licence", "start", "instrument"):
        if found.get(key):
            _data(voice, key, str(found[key]))
    names = found["arguments"].get("names")
    if _list(names):
        _data(voice, "names", ", ".join(map(str, names)))
    _data(voice, "scores", _plain(_dict(found.get("scores"))))


def _runs(blends: list[dict[str, float]]) -> list[tuple[str, dict[str, float]]]:
    """Bars of one blend together, as "1-8"; of more than eight such, the first and the last four."""
    from itertools import groupby

    runs, bar = [], 1
    for blend, same in groupby(blends):
        last = bar + len(list(same)) - 1
        runs.append((f"{bar}" if last == bar else f"{bar}-{last}", blend))
        bar = last + 1
    return runs if len(runs) <= 8 else [*runs[:4], *runs[-4:]]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _show_settings(path: Path, settings: dict[str, Any] | None, voice: Voice) -> None:
    if settings is None or "mapsto" not in settings:
        _line(voice, "settings", "none: not made by Mapsto, or with --strip")
        return
    for name, text in told(settings).items():
        _data(voice, name, text)
    source = settings.get("source")
    again = f" {source.get('name', 'PHOTO') if isinstance(source, dict) else 'PHOTO'}" if "source" in settings else ""
    _data(voice, "again", f"mapsto redo {path}{again}")


def told(settings: dict[str, Any]) -> dict[str, str]:
    """The settings as a person reads them. They come from a file, so nothing is taken for granted."""
    first = {"made by": f"Mapsto {settings['mapsto']}, PyTorch {settings.get('torch', '?')}, {settings.get('command', '?')}"}
    if "source" in settings:
        first["from"] = _digested(settings["source"], "name")
    if _list(settings.get("sources")):
        first["from"] = ", ".join(_digested(source, "name") for source in settings["sources"])
    if "style" in settings:
        first["style"] = ", ".join(_part(part) for part in _list(settings["style"])) or "?"
    shown = ("mapsto", "command", "style", "weights", "source", "sources", "torch")
    asked = {key: value for key, value in settings.items() if key not in shown and (value is not None or key == "size")}
    if "scene" in asked:  # which says how large
        asked.pop("size", None)
    rest = {key.replace("_", " "): _plain(value) for key, value in asked.items()}
    weights = (f"{name} {str(digest)[:12]}…" for name, digest in _dict(settings.get("weights")).items())
    return {**first, **rest, "weights": ", ".join(weights) or "?"}


def _part(part: Any) -> str:
    part = _dict(part)
    share = f" {part['weight']:.0%}" if isinstance(part.get("weight"), (int, float)) and part["weight"] != 1 else ""
    if "path" in part:
        hand = f", learned as {part['name']}" if "name" in part else ""
        return f"{_digested(part, 'path')}{hand}{share}"
    return f"{part.get('name', '?')}{share}"


def _digested(value: Any, key: str) -> str:
    value = _dict(value)
    return f"{value.get(key, '?')} (sha256 {str(value.get('sha256', '?'))[:12]}…)"


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items() if item is not None) or "none"
    return {True: "yes", False: "no", None: "as it was"}[value] if value is None or isinstance(value, bool) else str(value)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _line(voice: Voice, name: str, text: str) -> None:
    """A fact in words of ours."""
    _data(voice, name, voice.said(text))


def _data(voice: Voice, name: str, text: str) -> None:
    """A fact in words of the file's own, which may be like some of ours."""
    voice.row("  ", name, 11, f" {voice.said(text) if text in ('yes', 'no', 'none', 'as it was') else text}")


def _bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
