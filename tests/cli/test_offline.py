from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from darkroom import photo

PROGRAM = """
import socket

def refuse(*arguments, **options):
    raise AssertionError("something wants the network")

socket.socket.connect = socket.socket.connect_ex = socket.socket.bind = refuse
socket.getaddrinfo = socket.create_connection = socket.gethostbyname = refuse

from mapsto.cli.app import run

for command in (
    "style photo.jpg starry-night",
    "style photo.jpg painting.png:1,ink:1 --strength 0.7 --keep-colors -o out.jpg",
    "style photo.jpg painting.png --learn 0.2",
    "style photo.jpg painting.png --method optimize --steps 2 -o slow.png",
    "styles",
    "styles --sheet photo.jpg",
    "info out.jpg",
    "redo out.jpg photo.jpg",
    "demo photo.jpg",
    "generate hills -n 2",
    "reconstruct photo.jpg --model hills --refine 1",
    "walk hills --seconds 1 --fps 2 --steps 2 -o walk.gif",
    "mix hills --steps 2",
    "edit hills --sheet",
    "paint --scene hills --style ink --size 48",
    "models",
    "train vae pictures --name seen --size 16 --preset tiny --steps 2",
    "train flow pictures --name mine --size 16 --preset tiny --steps 2",
    "adapt mine pictures --name ours --steps 2 --batch 8",
    "adapt tiny painting.png --name hand --minutes 0.004",
    "evaluate ours pictures --count 8",
    "--version",
):
    assert run(command.split()) == 0, command
assert run(["doctor"]) in (0, 1)
"""


def test_the_main_verbs_work_with_the_cable_out(place: Path) -> None:
    photo("painting.png", (64, 64), seed=2)
    for number in range(12):
        photo(f"pictures/{number}.png", (16, 16), seed=number)
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "wants the network" not in done.stdout + done.stderr
