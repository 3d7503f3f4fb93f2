import subprocess
import sys

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


def test_help_loads_few_modules() -> None:
    """Seconds depend on what else the machine does; what is loaded does not. An empty Python has about 35, typer 110 more."""
    program = "import sys; from mapsto.cli.app import run; run(['--help']); print(len(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stderr) <= 300


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
