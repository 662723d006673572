"""What the prose may say of a run, from histories whose story is known by hand."""

import pytest

from grokking.page.story import KINDS, story_of

EPOCHS = list(range(0, 1100, 100))


def history(test: list[float], memorised: int | None, grokking: int | None) -> dict[str, object]:
    train = [1.0 if memorised is not None and e >= memorised else 0.5 for e in EPOCHS]
    return {
        "epochs": EPOCHS,
        "train_acc": train,
        "test_acc": test,
        "memorisation_epoch": memorised,
        "grokking_epoch": grokking,
    }


STILL = [0.0, 0.05, 0.05, 0.06, 0.06, 0.07, 0.08, 0.1, 0.4, 1.0, 1.0]
CLIMBING = [0.0, 0.1, 0.21, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.0]
FLAT = [0.01] * 11


@pytest.mark.parametrize(
    "test, memorised, grokking, kind",
    [
        (STILL, 100, 900, "plateau"),
        (CLIMBING, 100, 900, "gradual"),
        (CLIMBING, 600, 900, "together"),
        (CLIMBING, 900, 900, "together"),
        (FLAT, 100, None, "memorised"),
        (FLAT, None, None, "unlearnt"),
    ],
)
def test_every_kind_of_run_has_its_story(
    test: list[float], memorised: int | None, grokking: int | None, kind: str
) -> None:
    assert story_of(history(test, memorised, grokking)).kind == kind
    assert kind in KINDS


def test_the_plateau_s_ends_and_levels_are_rows_of_the_history() -> None:
    found = story_of(history(STILL, 100, 900))
    assert (found.still_from, found.still_to, found.level, found.level_to) == (100, 700, 0.05, 0.1)
    assert (found.half, found.best, found.level_most) == (900, 1.0, 0.1)


def test_a_plateau_counts_only_if_it_fills_half_of_the_wait() -> None:
    early = [0.0, 0.05, 0.05, 0.06, 0.06, 0.3, 0.5, 0.7, 0.8, 1.0, 1.0]
    assert story_of(history(early, 100, 900)).kind == "gradual"


def test_where_the_split_is_unknown_nothing_is_told_but_half() -> None:
    found = story_of(
        {"epochs": EPOCHS, "all_acc": CLIMBING, "train_acc": [None] * 11, "test_acc": [None] * 11}
    )
    assert (found.kind, found.half, found.memorised) == ("unknown", 500, None)


def test_an_operation_s_story_is_its_own() -> None:
    both = {
        "epochs": EPOCHS,
        "train_acc_add": [1.0] * 11,
        "test_acc_add": FLAT,
        "grokking_epoch_add": None,
    }
    assert story_of(both, "_add").kind == "memorised"
