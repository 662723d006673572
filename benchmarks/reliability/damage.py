"""Files cut short and bytes flipped: is each noticed, named and survived?"""

import contextlib
import io
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reliability.notes import Once, at_once
from benchmarks.reliability.work import TINY, contents, foreign_weights, kinds, trained
from grokking.audit.checkpoint import audit_and_write
from grokking.audit.over_training import series_and_write
from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.films.video import checked_frames, make_video
from grokking.interop.importing import Request, import_checkpoints
from grokking.runs.kinematics_probes import measure_and_write as probe_and_write
from grokking.runs.progress_measures import measure_and_write
from grokking.runs.run import Run
from grokking.storage.checksummed_dir import MANIFEST
from grokking.storage.run_directory import RunDirectory

EXPENSIVE = 16
"""One damage in so many is also followed by going on with the work: training, stitching, measuring."""
FALLING = RunConfig(
    task="kinematics",
    d_model=16,
    n_heads=2,
    d_mlp=16,
    n_angles=12,
    n_speeds=11,
    n_distances=10,
    n_bins=8,
    heldout_angles=1,
    heldout_speeds=1,
    n_epochs=20,
    log_every=10,
    checkpoint_every=10,
)
GoOn = Callable[[Path], object]


@dataclass
class Tally:
    """unnamed: damage that the file was not named for.  crashed: anything but a word and an end.

    harmed: further files that differ after going on, where they must not.
    """

    tries: int = 0
    unnamed: int = 0
    crashed: int = 0
    went_on: int = 0
    refused: int = 0
    harmed: int = 0


@dataclass(frozen=True)
class Specimen:
    """A file in a folder that may be harmed.  go_on: what is done in the folder next.  made_again:
    whether that makes the file anew.  follow: files that are then made from what is left.
    """

    path: Path
    go_on: GoOn
    made_again: bool = False
    follow: tuple[str, ...] = ()

    @property
    def of_a_film(self) -> bool:
        """Whether the folder is one of frames."""
        return self.path.parent.name == "frames"


def specimens(scratch: Path) -> dict[str, Specimen]:
    """One file of each kind that a run, an import, a run of kinematics and a film have."""
    kinds(scratch)
    harmed = scratch / "harmed"
    if not harmed.exists():
        _make(scratch, harmed)
    run, imported, falling, frames = (harmed / name for name in ("run", "imported", "falling", "frames"))
    epochs = RunDirectory(run).epochs()
    checkpoint = RunDirectory(run).checkpoint_path
    names = ("config.json", "history.json", "progress.json", "audit.json", "audit_over_training.json")
    return {name: Specimen(run / name, _train_on) for name in names} | {
        "newest checkpoint": Specimen(checkpoint(epochs[-1]), _train_on, made_again=True),
        "thinned checkpoint": Specimen(checkpoint(epochs[2]), _train_on),
        "manifest.json": Specimen(run / MANIFEST, _train_on),
        "split.json": Specimen(imported / "split.json", measure_and_write),
        "imported checkpoint": Specimen(
            RunDirectory(imported).checkpoint_path(epochs[3]),
            measure_and_write,
            follow=("progress.json", MANIFEST),
        ),
        "kinematics.json": Specimen(falling / "kinematics.json", probe_and_write, made_again=True),
        "frame": Specimen(frames / "frame_00002.png", _stitch),
        "frames.json": Specimen(frames / "frames.json", _stitch),
        "frames' manifest": Specimen(frames / MANIFEST, _stitch),
    }


def _make(scratch: Path, harmed: Path) -> None:
    run = Path(shutil.copytree(scratch / "run", harmed / "run"))
    measure_and_write(run), audit_and_write(run), series_and_write(run)
    import_checkpoints(Request(scratch / "foreign", harmed / "imported", split="python-shuffle:0:0.5"))
    measure_and_write(harmed / "imported")
    trained(FALLING, harmed / "falling")
    probe_and_write(harmed / "falling")
    shutil.copytree(scratch / "frames", harmed / "frames")


def _train_on(run: Path) -> None:
    trained(TINY, run)


def _stitch(frames: Path) -> None:
    make_video(frames, frames.parent / "going_on.mp4")


def truncations(content: bytes, n: int, draw: random.Random) -> Iterator[bytes]:
    """Shorter by one, empty, and at random lengths between; every length of a file that has fewer."""
    lengths = {0, 1, len(content) - 1, len(content) // 2}
    while len(lengths) < min(n, len(content)):
        lengths.add(draw.randrange(len(content)))
    return (content[:length] for length in sorted(lengths))


def flips(content: bytes, n: int, draw: random.Random) -> Iterator[bytes]:
    """One byte replaced by another."""
    for _ in range(n):
        at = draw.randrange(len(content))
        yield content[:at] + bytes([content[at] ^ draw.randrange(1, 256)]) + content[at + 1 :]


def damage(
    scratch: Path, n: int, seed: int, how: Callable[..., Iterator[bytes]], once: Once = at_once
) -> dict[str, Any]:
    """Every kind of file damaged in ``n`` ways; weights from elsewhere, which have no checksum, cut only."""
    found = {
        kind: once(kind, lambda: _damaged(specimen, how, n, f"{seed} {kind}", scratch))  # noqa: B023
        for kind, specimen in specimens(scratch).items()
    }
    if how is truncations:
        for path in foreign_weights(scratch):
            kind = f"{path.suffix} from elsewhere"
            found[kind] = once(kind, lambda: _cut_foreign(path, n, f"{seed} {kind}", scratch))  # noqa: B023
    return found


def _damaged(
    specimen: Specimen, how: Callable[..., Iterator[bytes]], n: int, seed: str, scratch: Path
) -> Tally:
    tally, content = Tally(), specimen.path.read_bytes()
    try:
        for i, harmed in enumerate(how(content, n, random.Random(seed))):
            specimen.path.write_bytes(harmed)
            _look(specimen, tally)
            if i % EXPENSIVE == 0:
                _go_on(specimen, content, tally, scratch)
    finally:
        specimen.path.write_bytes(content)
    return tally


def _look(specimen: Specimen, tally: Tally) -> None:
    """Open the folder that a damaged file lies in."""
    tally.tries += 1
    said, path = io.StringIO(), specimen.path
    folder = checked_frames(path.parent) if specimen.of_a_film else RunDirectory(path.parent)
    tally.unnamed += list(folder.faults()) != [path.name]
    try:
        with contextlib.redirect_stderr(said):
            if specimen.of_a_film:
                folder.read(path.name)
            else:
                run = Run(path.parent)
                _ = run.weights(run.final_epoch), run.history, run.known_split
    except UserError as error:
        tally.unnamed += path.name not in str(error)
    except Exception:
        tally.crashed += 1
    else:
        tally.unnamed += not specimen.of_a_film and path.name not in said.getvalue()


def _go_on(specimen: Specimen, whole: bytes, tally: Tally, scratch: Path) -> None:
    """Go on beside a damaged file: to the undisturbed end, or to a refusal in a line."""
    name = specimen.path.name
    folder = scratch / "going_on" / "it"
    shutil.rmtree(folder.parent, ignore_errors=True)
    shutil.copytree(specimen.path.parent, folder)
    before = contents(folder)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            specimen.go_on(folder)
        tally.went_on += 1
    except UserError:
        tally.refused += 1
    except Exception:
        tally.crashed += 1
    after = contents(folder)
    if specimen.made_again:
        before[name] = whole
    for left_out in (*specimen.follow, *([MANIFEST] if name == MANIFEST else [])):
        before.pop(left_out), after.pop(left_out, None)
    tally.harmed += after != before


def _cut_foreign(path: Path, n: int, seed: str, scratch: Path) -> Tally:
    """Import what was cut short: it must be named, refused, and leave nothing."""
    tally, folder = Tally(), scratch / "cut"
    for content in truncations(path.read_bytes(), n, random.Random(seed)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        tally.tries += 1
        (folder / path.name).write_bytes(content)
        try:
            import_checkpoints(Request(folder / path.name, folder / "imported"))
            tally.unnamed += 1
        except UserError as error:
            tally.refused += 1
            tally.unnamed += path.name not in str(error)
        except Exception:
            tally.crashed += 1
        tally.harmed += list(contents(folder)) != [path.name]
    return tally
