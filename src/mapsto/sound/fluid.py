"""Soundfonts of the user's own, played by FluidSynth where it is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from mapsto.errors import MapstoError, UnreadableInput, UsageError
from mapsto.media.audio import Sound

RATE_HZ = 44_100
PATIENCE_SECONDS = 600


def play(midi: Path, soundfont: Path, *, gain: float = 0.4, effects: bool = True) -> Sound:
    """A MIDI file as FluidSynth plays it.

    Args:
        midi: What to play.
        soundfont: SF2 or SF3.
        gain: Of FluidSynth, 0 to 10; more than 1 clips easily.
        effects: With its reverb and chorus.

    Raises:
        UsageError: FluidSynth is not installed, or there is no such soundfont.
        UnreadableInput: a file that is no soundfont.
        MapstoError: FluidSynth gave up, with what it said.
    """
    program = shutil.which("fluidsynth")
    if program is None:
        raise UsageError(
            "Playing a soundfont needs FluidSynth, which is not installed.", "apt install fluidsynth, or the like."
        )
    check_soundfont(soundfont)
    switches = ["-R", "1" if effects else "0", "-C", "1" if effects else "0"]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "played.wav"
        command = [program, "-q", "-n", "-i", *switches, "-g", f"{gain:g}", "-r", str(RATE_HZ), "-O", "float"]
        command += ["-T", "wav", "-F", str(target), str(soundfont.resolve()), str(midi.resolve())]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise MapstoError(f"FluidSynth took more than {PATIENCE_SECONDS} s over {midi.name}.") from error
        if done.returncode != 0 or not target.exists():
            said = (done.stderr or done.stdout).strip().splitlines()
            raise MapstoError(f"FluidSynth could not play {midi.name}: {said[-1] if said else 'it did not say why'}.")
        return Sound.read(target)


def check_soundfont(path: Path) -> None:
    """Refuse early what is not there, or is no soundfont by its first bytes.

    Raises:
        UsageError: there is no such file.
        UnreadableInput: it is something else.
    """
    if not path.is_file():
        raise UsageError(f"There is no soundfont at {path}.", "Check the path given with --soundfont.")
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF" or head[8:12] != b"sfbk":
        raise UnreadableInput(f"{path.name} is not a soundfont.", "A soundfont ends in .sf2 or .sf3.")
