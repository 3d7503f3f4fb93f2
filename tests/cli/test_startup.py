import resource
import subprocess
import sys
from itertools import pairwise

HEAVY = {"torch", "numpy", "PIL", "rich", "safetensors", "mapsto.media.picture"}


def test_help_imports_nothing_heavy() -> None:
    program = f"""
import sys
from mapsto.cli.app import run
verbs = ("style", "generate", "walk", "edit", "models", "paint")
code = run(["--help"]) or any(run([verb, "--help"]) for verb in verbs) or run(["--version"])
print(code, sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "0 []"
    assert "starry-night" in done.stdout


def test_help_appears_at_once() -> None:
    def cpu_s() -> float:  # of all children so far; wall-clock time would also measure what else is running
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    marks = [cpu_s()]
    for _ in range(3):
        subprocess.run([sys.executable, "-m", "mapsto", "--help"], capture_output=True, check=True)
        marks.append(cpu_s())
    assert min(after - before for before, after in pairwise(marks)) <= 0.3


def test_every_verb_has_help_that_fits_a_terminal() -> None:
    program = """
import sys
from mapsto.cli.app import run
from mapsto.cli.app import app
for command in app.registered_commands:
    assert run([command.name, "--help"]) == 0
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"COLUMNS": "80"})
    assert max(map(len, done.stdout.splitlines())) <= 80
