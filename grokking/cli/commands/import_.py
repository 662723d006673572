"""Make a run directory from weights that were trained elsewhere.

    grokking import weights/ --output_dir phase_transition/checkpoints/theirs
    grokking import grokking_demo.pth --output_dir DIR --split torch-randperm:598

SOURCE is a file of weights (.pt, .pth, .ckpt, .bin, .safetensors or .npz), a folder of them, a run
directory, or a .zip of one, as the page's laboratory saves it. Prints each fact that decides what the network
answers and how that fact is known, the accuracy on all pairs, and the path of the run directory, which every
other command reads. No code in the files is run.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, Command
from grokking.guard import loading
from grokking.models.transformer import ACTIVATIONS
from grokking.storage.provenance import command_line

BY_DEFAULT = "default: as the file says, else chosen by what the network answers"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The source and the run directory, then how files are read, then what the network is."""
    parser.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="a file of weights, a folder of them, or a zipped run directory",
    )
    parser.add_argument("--output_dir", type=Path, required=True, help="the run directory to be made")
    _add_file_flags(parser.add_argument_group("how the files are read"))
    _add_network_flags(parser.add_argument_group("what the network is"))


def _add_file_flags(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add(
        "--epoch",
        action="append",
        default=[],
        metavar="[NAME=]NUMBER",
        help="where a file does not say its epoch",
    )
    add("--mapping", type=Path, metavar="FILE.json", help="names and axes of a layout that is not known here")
    add("--reading", metavar="NAME", help="another way to read the same shapes, as the output names it")
    add("--operation_tokens", type=int, nargs="+", metavar="TOKEN", help="default: those after the numbers")


def _add_network_flags(group: "argparse._ArgumentGroup") -> None:
    add = group.add_argument
    add("--task", help="what was learnt, as in grokking train (default: as the file says, else add)")
    add("--p", type=int, help="modulus; default: from the number of tokens and classes")
    add(
        "--split",
        metavar="RECIPE|FILE",
        help="torch-randperm:SEED[:FRACTION], python-shuffle:SEED[:FRACTION] "
        "(fraction 0.3), or a file of train pairs; default: unknown, unless the weights' file says it",
    )
    add("--n_heads", type=int, help=BY_DEFAULT.replace("file", "file or the shapes"))
    add("--activation", choices=ACTIVATIONS, help=BY_DEFAULT)
    add("--attention_temperature", type=float, help=BY_DEFAULT)
    add("--layer_norm_eps", type=float, help=BY_DEFAULT)


def run(args: argparse.Namespace) -> None:
    """Import, print what was found, and the path last."""
    with loading():
        from grokking.interop.facts import UserHints
        from grokking.interop.importing import Request, import_checkpoints

    hints = UserHints(
        task=args.task,
        p=args.p,
        n_heads=args.n_heads,
        activation=args.activation,
        attention_temperature=args.attention_temperature,
        operation_tokens=None if args.operation_tokens is None else tuple(args.operation_tokens),
        layer_norm_eps=args.layer_norm_eps,
    )
    request = Request(
        source=args.source,
        output_dir=args.output_dir,
        hints=hints,
        epochs=args.epoch,
        split=args.split,
        mapping=args.mapping,
        reading=args.reading,
        command=command_line(),
    )
    imported = import_checkpoints(request)
    for note in (*imported.notes, imported.check.text):
        print(note)
    print(imported.path)


COMMANDS.register(
    Command("import", "weights trained elsewhere become a run directory", __doc__, add_flags, run, 120)
)
