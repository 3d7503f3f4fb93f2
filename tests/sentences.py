"""The sentences that people may get to read, found in the source: what a catalogue of another language has to hold.

What is told is an expression, and `reading.Reader` finds all the texts that it can be. What only the run knows is an open
place, {0}, {1} …, in the order of the text:

    what = "one picture is" if n == 1 else f"{n} pictures are"
    raise UsageError(f"{what} too few.")     →  "one picture is too few."  "{0} pictures are too few."

Words of a value ("{0} is damaged: {1}.") are sentences too. What help says is asked of the command line itself.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from reading import OPEN, SOURCE, Function, Module, Place, Reader, last

FAULTS = {
    **dict.fromkeys(
        ("MapstoError", "UsageError", "UnreadableInput", "WeightsError", "OutOfMemory", "NoSpace", "SpaceError"), (0, 1)
    ),
    "Fault": (1, 2),
    "error": (0,),  # a kind of error that is handed over
    "ValueError": (0,),  # told as the reason within an error of ours
}
"""What builds an error: which of its arguments are sentences, told also as what, message and hint."""

NAMED = ("what", "hint", "message")

VOICE = {"note", "warn", "result", "trouble", "detail", "said"}

TRANSLATORS = {"mapsto.words.said", "mapsto.cli.tongue.here"}

TELLERS = {"Check": (0, 1, 3), "_line": (1, 2), "_data": (1, 2), "on_part": (1,)}
"""Other functions by whose arguments people are told something: of a doctor's findings, of a file's facts, of progress."""

SPEAKERS = {
    "learning/diagnosis.py": None,
    "learning/training.py": ("_halve", "_go_back", "_save", "_steps"),
    "learning/configuration.py": ("refuse_other",),
    "learning/shelf.py": ("_pixels", "_decoded"),
    "learning/data.py": ("_notes", "_labelled", ""),
    "learning/evaluation.py": ("_figures", "_notes", "_places", "_copies", "_place"),
    "learning/comparison.py": ("verdict",),
    "media/colour.py": None,
    "media/midi.py": ("_track",),
    "media/midi_lines.py": ("tempo", "meter", "_written"),
    "media/midi_events.py": None,
    "media/tracks.py": ("left_out",),
    "cli/card.py": ("__init__",),
    "cli/painting.py": ("__str__", "name"),
    "cli/plan.py": ("__str__",),
    "sound/standins.py": ("__str__",),
    "sound/accompaniment.py": ("",),
    "studio/queue.py": ("_worked",),
    "studio/worker.py": ("run",),
}
"""Functions all whose words are told, by way of lists that cannot be followed; None: all of the file, "": its constants."""

TOLD = {"notes", "note", "remarks", "cut", "skipped"}
"""Fields that hold sentences, of whatever has them."""


@dataclass(frozen=True)
class Sink:
    """An expression that is told to people."""

    node: ast.expr
    place: Place

    @property
    def where(self) -> str:
        return f"{self.place.module.file.relative_to(SOURCE).as_posix()}: {ast.unparse(self.node)}"


def sinks(reader: Reader) -> Iterator[Sink]:
    """Every expression that is told."""
    for name, calls in reader.calls.items():
        for call, place in calls:
            yield from (Sink(each, place) for each in _told_by(name, call, place.module))
    for module in reader.modules.values():
        file = module.file.relative_to(SOURCE).as_posix()
        if file in SPEAKERS:
            yield from _said_in(module.tree, Place(module), SPEAKERS[file])


def _told_by(name: str, call: ast.Call, module: Module) -> list[ast.expr]:
    """The arguments of a call that are told."""
    numbers: tuple[int, ...] = ()
    if name in FAULTS:
        numbers = FAULTS[name]
    elif name in TELLERS:
        numbers = TELLERS[name]
    elif module.imports.get(name) in TRANSLATORS and not module.name.startswith(
        "mapsto.studio"
    ):  # which translates what verbs say
        numbers = (0,)
    elif isinstance(call.func, ast.Attribute):
        whose = last(call.func.value)
        numbers = (0,) if name in VOICE and whose == "voice" else (1,) if (whose, name) == ("bar", "show") else ()
    placed = [call.args[number] for number in numbers if number < len(call.args)]
    named = [word.value for word in call.keywords if word.arg in NAMED] if name in FAULTS else []
    return [each for each in placed + named if not isinstance(each, ast.Starred)]


def _said_in(node: ast.AST, place: Place, functions: tuple[str, ...] | None) -> Iterator[Sink]:
    """All words within some functions."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        name = place.functions[-1].name if place.functions else ""
        words = ast.unparse(node)
        if (functions is None or name in functions) and re.search("[a-z]{2,} [a-z{]", words) and "\\n" not in words:
            yield Sink(node, place)
        return
    inner = Place(place.module, (*place.around, node)) if isinstance(node, Function | ast.ClassDef) else place
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):  # a docstring
            yield from _said_in(child, inner, functions)


@cache
def heard() -> tuple[Reader, dict[str, str]]:
    """A reader that has followed every sink, and all forms that it found, with where."""
    reader = Reader(TOLD)
    found: dict[str, str] = {}
    for _ in range(2):  # the second time, what leads back to itself is known
        reader.done.clear()
        for sink in sinks(reader):
            found |= dict.fromkeys(reader.forms(sink.node, sink.place), sink.where)
    return reader, found


@cache
def found() -> dict[str, str]:
    """Every sentence that the source tells, as a key of the catalogue, and where it stands."""
    reader, forms = heard()
    within = {form: "within others" for form in reader.values if " " in form.strip() or form in SINGLE}
    return {key: where for form, where in (within | forms).items() for key in _keys(form)}


def unheard() -> Iterator[str]:
    """Words in the source that no sentence has, and that are not known to be untold: perhaps told in a way not followed."""
    reader, forms = heard()
    known = "\n".join([*forms, *reader.values])
    for module in reader.modules.values():
        file = module.file.relative_to(SOURCE).as_posix()
        for text in _words_in(module.tree) if not file.startswith(INTERFACE) else ():
            if text not in known and text not in UNTOLD and text not in ELSEWHERE and not text.startswith(("<", "mapsto ")):
                yield f"{file}: {text}"


def _words_in(node: ast.AST) -> Iterator[str]:
    """All constants with two words in small letters, but docstrings, help and assertions."""
    if isinstance(node, ast.Assert) or (
        isinstance(node, ast.Call) and last(node.func) in ("Option", "Argument", "Typer", "option", "argument", "Refusal")
    ):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search("[a-z]{2} [a-z]", node.value):
        yield node.value
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):  # a docstring
            continue
        if not (isinstance(node, Function) and child is node.args):
            yield from _words_in(child)


def numbered(form: str) -> str:
    """A form as a key of the catalogue: its open places are {0}, {1} …"""
    count = itertools.count()
    return re.sub(OPEN, lambda _: f"{{{next(count)}}}", form)


def _keys(form: str) -> Iterator[str]:
    """A text is translated line by line; what is code or has no words is the same in every language."""
    for line in form.split("\n"):
        key = numbered(line)
        if not SAME.fullmatch(key):
            yield key


SAME = re.compile(
    r"""(?x) [^a-zA-Z]*
    | pip\ install\ [^ ]* | mapsto\ redo\ .* | Mapsto\ Studio:\ http.* | Mapsto\ \{0\},.* | [A-Z][a-z]+\ et\ al\.\ .*
    | [^a-zA-Z]* ( (px|fp32|bf16|kB|MB|GB|Hz|sha256|EXIF|XMP|mapsto|numpy|pillow|MIDI|PNG|x|torch|python) [^a-zA-Z]* )+
    """
)
"""What is said alike in both languages: commands, units, names."""

ALIKE = re.compile(
    r"""(?x) (mapsto|ffmpeg)\ .*
    | (N|CSV|[a-z0-9-]+) (\|(N|CSV|[a-z0-9-]+))+ | N | URL | SF2 | A,B,… | folders
    """
)
"""What help shows alike in both languages: examples, choices."""

SINGLE = frozenset({"none", "yes", "no"})
"""Words that stand alone in a cell; others that do are names."""

JOINED = ("{0}, {1}", "{0}; {1}", "{0}: {1}", "{0} and {1}", "{0} or {1}")
"""What lists are made of."""

SYSTEM = (
    "No such file or directory",
    "Permission denied",
    "Is a directory",
    "Not a directory",
    "File exists",
    "File name too long",
    "Too many levels of symbolic links",
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
    "Input/output error",
    "Operation not permitted",
    "Address already in use",
    "Cannot assign requested address",
    "Connection refused",
    "Connection reset by peer",
    "Network is unreachable",
    "Too many open files",
    "Invalid argument",
    "Broken pipe",
)
"""The system's own words, which errors repeat."""

LIBRARIES = (
    *("image file is truncated", "image file is truncated ({0} bytes not processed)", "cannot identify image file {0}"),
    *("unrecognized data stream contents when reading image file", "broken data stream when reading image file"),
    *("Truncated File Read", "File is not a zip file", "Bad CRC-32 for file {0}"),
    *("Invalid data found when processing input", "End of file"),
)
"""What libraries that decode say most; errors repeat it as the reason."""

CLICK = (
    *("Usage: ", "Arguments:", "Commands:", "Options:", "Show this message and exit.", "default: ", "required"),
    *("<float>", "<int>", "<str>", "FLOAT", "INTEGER"),
    *("Missing command.", "Missing argument {0}.", "Missing option {0}.", "Invalid value for {0}: {1}"),
    *("No such command {0}.", "No such command {0}. Did you mean {1}?"),
    *("No such option: {0}", "No such option: {0} Did you mean {1}?", "No such option: {0} (Possible options: {1})"),
    *("Option {0} does not take a value.", "Option {0} requires an argument.", "Option {0} requires {1} arguments."),
    *(f"Got unexpected extra {what} ({{0}})" for what in ("argument", "arguments", "argument(s)")),
    *(f"{{0}} is not a valid {kind}." for kind in ("boolean", "float", "integer")),
    "{0} is not a valid boolean. Recognized values: {1}",
    "Input should be a valid boolean, unable to interpret input",
    "Input should be a valid integer, unable to parse string as an integer",
    "Input should be a valid number, unable to parse string as a number",
)
"""The words of what reads the command line, and of what checks its values."""

ELSEWHERE = ("The file", "made by", "from")
"""What the studio calls a path, and names of settings that `info` shows."""

INTERFACE = (
    "studio/shapes.py",
    "studio/answers.py",
    "studio/server.py",
    "studio/shop.py",
    "studio/routes_",
    "__init__.py",
    "media/general_midi.py",
)
"""Files whose words are names, those of the HTTP interface, or for programmers."""

UNTOLD = frozenset(
    (
        # what is written into files: cards of weights, settings, pages
        *("unknown: the user's own music", "unknown: the user's own recordings", "unknown: the user's own pictures"),
        *("; and that of ", "; over the VAE of ", "; and what ", " was trained on", ", against a critic"),
        *("none of ours: published at ", "as the picture it was learned from", "Raw profile type exif", "Made with Mapsto "),
        "Photo: coffee by Rachel Michetti, courtesy of Pikolo Espresso Bar, CC0, from scikit-image.",
        # names of rows, columns, drums and instruments
        *("score (lower is better)", "images seen", "best step", "the ladder", "another domain", "new decoder alone"),
        *("trial with λ = ", "pitch-class entropy", "scale consistency", "groove consistency", "notes per bar"),
        *("closed hat", "open hat", "low tom", "mid tom", "high tom", "forward hook", "backward hook"),
        *(
            "bass guitar",
            "double bass",
            "electric guitar",
            "electric piano",
            "english horn",
            "music box",
            "pan flute",
            "steel drum",
        ),
        # of programs
        *("model name", "can't allocate memory", "Unknown side input ", "; this mapping takes "),
        *(", learned as ",),  # amid digests
    )
)
"""Words in the source that nobody is told on the command line."""


@cache
def helped() -> frozenset[str]:
    """What help says of the verbs, their arguments and options."""
    from typer.main import get_command

    from mapsto.cli import manual
    from mapsto.cli.app import app

    found: set[str] = set()

    def heard(text: str) -> str:
        found.add(text)
        return text

    manual.translate_with(get_command(app), heard)
    return frozenset(text for text in found if not SAME.fullmatch(text) and not ALIKE.fullmatch(text))
