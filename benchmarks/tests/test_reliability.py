"""A small helping of ``python -m benchmarks.reliability``, so that it keeps working and finding nothing."""

import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.reliability import report
from benchmarks.reliability.accidents import accidents
from benchmarks.reliability.children import Child, done
from benchmarks.reliability.damage import damage, flips, truncations
from benchmarks.reliability.disk import Tally as DiskTally
from benchmarks.reliability.disk import one_try
from benchmarks.reliability.faults import mishaps_of
from benchmarks.reliability.inputs import feed_all
from benchmarks.reliability.kills import Killer, kill_kinds
from benchmarks.reliability.notes import Notes
from benchmarks.reliability.soak import fitted
from benchmarks.reliability.watched import TrainingMonitor
from benchmarks.reliability.work import Work, contents, kinds, references
from benchmarks.reliability.writers import rivals

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not hasattr(os, "fork"), reason="the bench forks")]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all, so that what they start from is made once."""
    return tmp_path_factory.mktemp("reliability")


# It finds nothing


def test_killed_work_ends_in_the_same_bytes(scratch: Path) -> None:
    tallies = kill_kinds(scratch, 2, seed=1, only=("training", "stitching"))
    assert sum(tally.kills for tally in tallies.values()) >= 2
    assert all((tally.lost, tally.differing) == (0, 0) for tally in tallies.values()), tallies


@pytest.mark.parametrize("how", [truncations, flips])
def test_damage_is_noticed_named_and_survived(how: Callable[..., Iterator[bytes]], scratch: Path) -> None:
    for kind, tally in damage(scratch, 10, 1, how).items():
        assert tally.tries == 10
        assert (tally.unnamed, tally.crashed, tally.harmed) == (0, 0, 0), (kind, tally)


def test_whatever_comes_in_there_is_an_answer(scratch: Path) -> None:
    for kind, tally in feed_all(scratch, 40, seed=1).items():
        assert (tally.tracebacks, tally.outside, tally.executed) == (0, 0, 0), (kind, tally.examples)
        assert tally.tries == (14 if kind == "command lines" else 40)
        assert tally.accepted + tally.refused == tally.tries


def test_of_several_writers_one_writes(scratch: Path) -> None:
    tally = rivals(scratch, 3, 2)
    assert (tally.wrong, tally.differing) == (0, 0)
    assert tally.trained >= 2
    assert tally.trained + tally.refused == 6


def test_a_full_disk_is_said_and_survived(scratch: Path) -> None:
    work = kinds(scratch)["checkpointing"]
    tally = DiskTally("file size limit")
    one_try(work, references({"it": work}, scratch)["it"], scratch, 0.5, tally)
    assert (tally.tries, tally.full, tally.wrong, tally.lost, tally.differing) == (1, 1, 0, 0, 0)


def test_mishaps_are_said_in_a_line(scratch: Path) -> None:
    for mishap in mishaps_of(scratch, ("stitching",)):
        assert mishap.code == 2
        assert mishap.said.startswith("error: ")
        assert mishap.ends_well, mishap


def test_what_is_found_is_kept_and_not_found_again(tmp_path: Path) -> None:
    asked: list[str] = []

    def find() -> DiskTally:
        asked.append("")
        return DiskTally("tmpfs", tries=len(asked))

    for _ in range(2):
        assert Notes(tmp_path / "part.json", {"seed": 0}).once("it", find)["tries"] == 1
    assert Notes(tmp_path / "part.json", {"seed": 0}, anew=True).once("it", find)["tries"] == 2


def test_an_accident_of_a_real_command_is_judged(scratch: Path) -> None:
    [found] = accidents(scratch, only=["a .pt file that runs a command when it is unpickled"])
    assert (found.code, found.ends_well) == (2, True), found
    assert "refused, and nothing was run" in found.said


# It could find something


def broken_work(folder: Path) -> None:
    """Writes in place, and believes what it finds."""
    path = folder / "file"
    if not path.exists():
        with open(path, "wb") as file:
            for i in range(20):
                file.write(bytes([i]) * 1000)
                file.flush()
                os.fsync(file.fileno())


def test_work_that_writes_in_place_is_found_out(tmp_path: Path) -> None:
    work = Work("broken", lambda _: None, broken_work, lambda _: True)
    wanted = references({"it": work}, tmp_path)["it"]
    killer = Killer(work, wanted, tmp_path / "killed", random.Random(0))
    for _ in range(4):
        killer.one_try(inside_a_write=True)
    assert killer.tally.kills >= 4
    assert killer.tally.differing >= 3


def test_a_traceback_and_a_signal_are_told_from_a_good_end(tmp_path: Path) -> None:
    assert done(lambda: None, tmp_path / "log").code == 0
    crashed = done(lambda: 1 // 0, tmp_path / "log")
    assert crashed.code not in (0, 2)
    assert "ZeroDivisionError" in crashed.said
    child = Child(signal.pause, tmp_path / "log")
    child.signal(signal.SIGKILL)
    assert child.wait().code == -signal.SIGKILL


def test_files_touched_outside_are_seen_and_spared(tmp_path: Path) -> None:
    watch, inside = TrainingMonitor(), tmp_path / "in"
    inside.mkdir()
    with watch.over(inside):
        (inside / "a").write_text("")
        assert watch.outside == []
        with pytest.raises(OSError, match="Read-only"):
            (tmp_path / "b").write_text("")
        with pytest.raises(OSError, match="Read-only"):
            (inside / "a").rename(tmp_path / "c")
        (inside / "a").read_text()
    assert [line.rpartition("/")[2] for line in watch.outside] == ["b", "c"]
    with watch.over(inside, [str(tmp_path / "asked")]), pytest.raises(OSError, match="Read-only"):
        (tmp_path / "asked.mp4").write_text("")
    (tmp_path / "d").write_text("")
    assert len(watch.outside) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "in"]


def test_a_slope_is_a_slope() -> None:
    slope, error = fitted([10, 12, 14, 16, 18])
    assert (slope, error) == pytest.approx((2, 0))


def test_the_report_has_every_part(scratch: Path) -> None:
    about = {
        "seed": 0,
        "small": True,
        "commits": {"training": "abc"},
        "versions": {"python": "3"},
        "machine": {"processor": "x", "cores": 1, "system": "y"},
    }
    tally = {
        "training": {"tries": 2, "kills": 3, "lost": 0, "differing": 1},
        "stitching": {"tries": 4, "kills": 5, "lost": 0, "differing": 0},
    }
    text = report.text({"kills": {"found": tally, **about}})
    assert "| **all** | 6 | 8 | 0 | 1 |" in text
    assert "| 8 | 7 | 1 | `--part kills` |" in text


def test_contents_sees_hidden_files(tmp_path: Path) -> None:
    (tmp_path / ".left").write_text("")
    assert contents(tmp_path) == {".left": b""}
