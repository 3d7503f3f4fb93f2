"""What the numbers of General MIDI are called here: 128 programs by the instruments they stand for, the drums of channel 10.

Source: MIDI Manufacturers Association, "General MIDI System Level 1", tables 2 and 3. Programs that sound alike share a name.
"""

from __future__ import annotations

from mapsto.sound.score import DRUMS

PROGRAMS = tuple(
    name
    for line in (
        "piano, piano, piano, piano, electric piano, electric piano, harpsichord, clavinet",
        "celesta, glockenspiel, music box, vibraphone, marimba, xylophone, bells, dulcimer",
        "organ, organ, organ, organ, harmonium, accordion, harmonica, accordion",
        "guitar, guitar, electric guitar, electric guitar, electric guitar, electric guitar, electric guitar, electric guitar",
        "double bass, bass guitar, bass guitar, bass guitar, bass guitar, bass guitar, bass guitar, bass guitar",
        "violin, viola, cello, double bass, strings, strings, harp, timpani",
        "strings, strings, strings, strings, choir, choir, choir, strings",
        "trumpet, trombone, tuba, trumpet, horn, brass, brass, brass",
        "saxophone, saxophone, saxophone, saxophone, oboe, english horn, bassoon, clarinet",
        "piccolo, flute, recorder, pan flute, pan flute, shakuhachi, whistle, ocarina",
        "synth, synth, synth, synth, synth, synth, synth, synth",
        "synth, synth, synth, synth, synth, synth, synth, synth",
        "synth, synth, synth, synth, synth, synth, synth, synth",
        "sitar, banjo, shamisen, koto, kalimba, bagpipe, violin, oboe",
        "bells, bells, steel drum, percussion, percussion, percussion, percussion, percussion",
        "effects, effects, effects, effects, effects, effects, effects, effects",
    )
    for name in line.split(", ")
)
"""Instruments by program, 0…127."""

_PREFERRED = {"double bass": 43, "strings": 48, "organ": 19, "bass guitar": 33, "electric guitar": 27}


def program_of(instrument: str) -> int:
    """The program that stands for an instrument, 0…127; a piano for one that General MIDI does not have."""
    if instrument in _PREFERRED:
        return _PREFERRED[instrument]
    return PROGRAMS.index(instrument) if instrument in PROGRAMS else 0


_STRUCK = {
    "kick": (35, 36),
    "snare": (37, 38, 39, 40),
    "closed hat": (42, 44, 54, 69, 70),
    "open hat": (46,),
    "low tom": (41, 43, 45, 61, 64, 66),
    "mid tom": (47, 48, 60, 63),
    "high tom": (50, 62, 65),
    "crash": (49, 52, 55, 57),
    "ride": (51, 53, 56, 59),
}

DRUM_OF = {pitch: DRUMS[drum] for drum, pitches in _STRUCK.items() for pitch in pitches}
"""Pitches of channel 10 → those of our nine drums. Whistles, claves and the like are none of them."""
