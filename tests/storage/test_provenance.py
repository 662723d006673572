"""What results say of their making."""

from grokking.storage.provenance import command_text, origin


def test_a_command_does_not_say_whose_disk_it_ran_on() -> None:
    assert command_text(["python", "x.py", "--output_dir", "/home/me/runs", "--p", 7]) == "python x.py --p 7"
    assert command_text(["python", "x.py", "--output_dir=/home/me/runs"]) == "python x.py"
    assert command_text(["python", "x.py", "/home/me/my sweep", "--p", 7]) == "python x.py 'my sweep' --p 7"
    assert command_text([]) == command_text(None) == ""


def test_a_run_that_says_nothing_of_itself_is_said_to() -> None:
    found = origin({})
    assert found["command"] == "`not recorded`"
    assert found["commit"] == "not recorded"
    assert found["machine"] == "unknown processor, ? cores, engine ?, ? threads"


def test_a_run_is_told_by_where_it_was_made() -> None:
    found = origin(
        {
            "command": ["python", "x.py"],
            "machine": {"processor": "P", "cores": 2},
            "git_commit": "abc",
            "execution": {"engine": "reference", "threads": 1},
            "versions": {"torch": "2", "numpy": "3"},
        }
    )
    assert found == {
        "command": "`python x.py`",
        "machine": "P, 2 cores, engine reference, 1 thread",
        "versions": "torch 2, numpy 3",
        "commit": "abc",
    }
