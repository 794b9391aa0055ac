"""`actiongpt data prepare` as a process of its own: killed, out of room, and one beside the other."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from babel_files import write_amass
from sources import content

COMMAND = [sys.executable, "-m", "actiongpt_core.cli.main", "data", "prepare"]
MADE = [*COMMAND, "procedural", "-O", "variants=3", "-O", "seconds=2", "--out"]
WAIT = 60.0


def start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def lines(folder: Path) -> int:
    index = folder / "index.jsonl"
    return index.read_bytes().count(b"\n") if index.exists() else 0


def kill_after(command: list[str], folder: Path, wanted: int) -> bool:
    """Kill -9 a run once the index has so many lines; False if it ended before."""
    process = start(command)
    end = time.monotonic() + WAIT
    while lines(folder) < wanted and process.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def test_a_run_that_is_killed_three_times_ends_in_the_set_of_an_undisturbed_one(tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    were_killed, before = [], 0
    for wanted in (1, 40, 120):
        were_killed.append(kill_after([*MADE, str(killed)], killed, wanted))
        assert lines(killed) >= max(wanted, before)  # nothing that was done is lost
        before = lines(killed)
    assert were_killed[0]  # a slow machine may look too late for the others
    subprocess.run([*MADE, str(killed)], check=True, capture_output=True)
    subprocess.run([*MADE, str(whole)], check=True, capture_output=True)
    found = content(killed)
    assert {name: found[name] for name in found if not name.endswith(".part")} == content(whole)


def test_what_a_killed_run_read_is_not_read_again(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    for number in range(60):
        write_amass(source / f"m{number:02d}.npz", 600, fps=20, seed=number)  # to be filled up, which takes longer
    (source / "texts.csv").write_text("file,text\n" + "".join(f"m{n:02d}.npz,walk\n" for n in range(60)))
    command = [*COMMAND, "folder", "--source", str(source), "--out", str(out)]
    assert kill_after(command, out, 5)
    done = lines(out)
    for number in range(done):  # whoever reads one of these finds damage, and that would be told
        (source / f"m{number:02d}.npz").write_bytes(b"no longer a motion")
    process = subprocess.run(command, check=True, capture_output=True, text=True)
    assert f"{done} were dealt with before" in process.stdout
    assert lines(out) == 60


def test_a_full_disk_is_one_message_and_what_was_done_stays(tmp_path: Path) -> None:
    out = tmp_path / "out"
    limited = f"ulimit -f 20; exec {shlex.join([*MADE, str(out)])}"  # files of at most 20 kB, the index among them
    process = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert "Error: Cannot write in" in process.stderr
    assert "the same command again" in process.stderr
    assert "Traceback" not in process.stderr
    assert lines(out) > 0
    subprocess.run([*MADE, str(out)], check=True, capture_output=True)


def test_a_second_run_beside_the_first_is_refused(tmp_path: Path) -> None:
    process = start([*MADE, str(tmp_path)])
    end = time.monotonic() + WAIT
    while not lines(tmp_path) and time.monotonic() < end:
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGSTOP)
    try:
        second = subprocess.run([*MADE, str(tmp_path)], capture_output=True, text=True, check=False)
    finally:
        os.kill(process.pid, signal.SIGCONT)
        process.communicate()
    if process.returncode:
        pytest.fail("the first run failed")
    assert second.returncode == 1
    assert "Another process is preparing" in second.stderr
