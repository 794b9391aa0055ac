"""Many processes, one cache: no lost row, no corruption, whoever is killed when."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from cache_files import make_old_file

from actiongpt_core.text.cache import CacheKey, DescriptionCache

# Says of each row that it was put, after it was put; waits for the word to start, so that all start together.
WRITER = """
import sys
from pathlib import Path
from actiongpt_core.text.cache import CacheKey, DescriptionCache

path, name, num_rows = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def key(phrase):
    return CacheKey(provider="p", model="m", strategy="s", version=1, phrase=phrase, sampling={})

cache = DescriptionCache(path)
print("ready", flush=True)
sys.stdin.readline()
cache.put(key("shared"), 0, name)
for index in range(num_rows):
    cache.put(key(name), index, f"text {index} of {name}")
    print(index, flush=True)
print(cache.get(key("shared")), flush=True)
"""

# A large file taken in: all or nothing.
IMPORTER = """
import sys
from pathlib import Path
from actiongpt_core.text.cache import CacheKey
from actiongpt_core.text.recordings import add

asked = CacheKey(provider="p", model="m", strategy="", version=1, phrase="", sampling={})

def endless():
    for number in range(10**9):
        if number == 2000:
            print("halfway", flush=True)
        yield f"phrase {number}", ["text " * 200]

class Endless(dict):
    items = staticmethod(endless)

add(Path(sys.argv[1]), Endless(), asked)
"""


def start(code: str, *arguments: str | Path | int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )


def start_writers(path: Path, num_writers: int, num_rows: int) -> list[subprocess.Popen[str]]:
    """Writers that have imported all they need, and are told to begin at the same moment."""
    writers = [start(WRITER, path, f"writer {number}", num_rows) for number in range(num_writers)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    return writers


def rows_of(path: Path, name: str) -> dict[int, str]:
    key = CacheKey(provider="p", model="m", strategy="s", version=1, phrase=name, sampling={})
    return DescriptionCache(path).get(key)


def expected(name: str, num_rows: int) -> dict[int, str]:
    return {index: f"text {index} of {name}" for index in range(num_rows)}


def check_integrity(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize(("num_writers", "is_old"), [(20, False), (6, True)], ids=["new file", "old file"])
def test_processes_that_write_one_cache_lose_no_row(tmp_path: Path, num_writers: int, is_old: bool) -> None:
    path = tmp_path / "cache.sqlite"
    if is_old:  # all of them meet a file that has to be taken over first
        make_old_file(path)
    writers = start_writers(path, num_writers, 15)
    outputs = [writer.communicate(timeout=120) for writer in writers]
    assert [errors for _, errors in outputs] == [""] * num_writers
    for number in range(num_writers):
        assert rows_of(path, f"writer {number}") == expected(f"writer {number}", 15)
    assert len({output.splitlines()[-1] for output, _ in outputs}) == 1, "all see the same winner of the shared row"
    with closing(sqlite3.connect(path)) as connection:
        (num_rows,) = connection.execute("SELECT COUNT(*) FROM descriptions").fetchone()
    assert num_rows == num_writers * 15 + 1 + (4 if is_old else 0)
    check_integrity(path)


def test_what_was_put_survives_kill_9_of_all_writers(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    writers = start_writers(path, 3, 100_000)
    for writer in writers:  # at different moments of their work
        assert writer.stdout is not None
        while writer.stdout.readline() != "20\n":
            pass
        os.kill(writer.pid, signal.SIGKILL)
    for number, writer in enumerate(writers):
        assert writer.stdout is not None
        rest = writer.stdout.read()  # not communicate: it passes by what readline has read ahead
        writer.communicate(timeout=60)
        assert writer.returncode == -signal.SIGKILL
        # The last line may be cut in the middle.
        num_reported = max([21, *(int(line) + 1 for line in rest.split("\n")[:-1])])
        found = rows_of(path, f"writer {number}")
        assert len(found) in (num_reported, num_reported + 1), "what is committed and not yet said may be there"
        assert found == expected(f"writer {number}", len(found))
    check_integrity(path)


def test_an_import_that_is_killed_leaves_nothing_and_blocks_nobody(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    importer = start(IMPORTER, path)
    assert importer.stdout is not None
    assert importer.stdout.readline() == "halfway\n"
    os.kill(importer.pid, signal.SIGKILL)
    importer.communicate(timeout=60)
    DescriptionCache(path).put(
        CacheKey(provider="p", model="m", strategy="s", version=1, phrase="after", sampling={}), 0, "text"
    )
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT phrase FROM descriptions").fetchall() == [("after",)]
    check_integrity(path)


def test_a_process_that_forks_and_its_child_may_both_write(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    forked = 'import os; name += " child" if os.fork() == 0 else " parent"'
    code = WRITER.replace("for index in", f"{forked}\nfor index in")
    process = start(code, path, "writer", 20)
    _, errors = process.communicate("\n", timeout=60)
    assert errors == ""
    for name in ("writer child", "writer parent"):
        assert rows_of(path, name) == expected(name, 20)
    assert rows_of(path, "shared") == {0: "writer"}
