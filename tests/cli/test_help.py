"""The command as text: help names every option and costs no torch."""

import subprocess
import sys

import pytest

COMMANDS = {
    ("reenact",): ["--ref", "--drive", "--out", "--motion", "--only", "--keep-head", "--resume"],
    ("fit",): ["--out", "--obj", "--glb", "--overlay", "--no-face"],
    ("recognize",): [
        "--out",
        "--recognizer",
        "--style",
        "--heads",
        "--plot",
        "--overlay",
        "--resume",
    ],
    ("verify",): ["--json"],
    ("app",): ["--port", "--open"],
    ("doctor",): ["--json"],
    ("bench",): ["--json", "--compare"],
    ("eval", "reenact"): ["--out", "--max-frames", "--pred", "--gt", "--ref", "--judges"],
    ("eval", "talk"): ["--out", "--pred", "--motion", "--meshes", "--allow-circular"],
    ("eval", "pairs"): ["--out", "--count"],
    ("eval", "self-test"): ["--judges"],
    ("data", "speech"): ["--out", "--data", "--tracked", "--texts", "--espeak"],
    ("train", "head"): ["--cache", "--out", "--steps", "--minutes"],
    ("assets", "list"): [],
    ("assets", "import"): ["--version"],
    ("assets", "licences"): [],
}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_names_every_option(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "facegen", *command, "--help"],
        capture_output=True,
        text=True,
        env={"COLUMNS": "200", "TERM": "dumb", "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    for option in COMMANDS[command]:
        assert option in done.stdout


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, facegen.cli as cli\n"
        "try: cli.app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'mediapipe', 'numba', 'cv2', 'av', 'scipy', 'numpy'}\n"
        "sys.stderr.write(','.join(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""


def test_no_arguments_is_one_line_or_help() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "facegen", "reenact"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.strip() == "facegen: give --ref PHOTO and --drive VIDEO (or --demo)"
