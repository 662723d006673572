"""Make a run directory from weights that were trained elsewhere.

    python import_checkpoints.py weights/ --output_dir phase_transition/checkpoints/theirs
    python import_checkpoints.py grokking_demo.pth --output_dir DIR --split torch-randperm:598

SOURCE is a file or a folder of .pt, .pth or .safetensors files. Prints what was found, how well the
network answers on all pairs, and the path of the run directory, which every script here works on.
Other people's files are opened without running anything in them.
"""

import argparse
from pathlib import Path

from grokking.cli.console import run_script
from grokking.cli.flags import Parser, command_line
from grokking.interop.importing import Request, import_checkpoints
from grokking.interop.weights import UserHints
from grokking.models.transformer import ACTIVATIONS


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add, by_default = parser.add_argument, "as the file says, else chosen by what the network answers"
    add("source", type=Path, metavar="SOURCE", help="a file of weights, or a folder of them")
    add("--output_dir", type=Path, required=True, help="the run directory to be made")
    add("--task", help="what was learnt, as in train_with_metrics.py (default: as the file says, else add)")
    add(
        "--split",
        metavar="RECIPE|FILE",
        help="torch-randperm:SEED[:FRACTION], python-shuffle:SEED[:FRACTION] "
        "(fraction 0.3), or a file of train pairs; default: unknown, unless the weights' file says it",
    )
    add(
        "--epoch",
        action="append",
        default=[],
        metavar="[NAME=]NUMBER",
        help="where a file does not say its epoch",
    )
    add("--mapping", type=Path, metavar="FILE.json", help="names and axes of a layout that is not known here")
    add("--reading", metavar="NAME", help="another way to read the same shapes, as the report names it")
    add("--p", type=int, help="modulus; default: from the number of tokens and classes")
    add("--n_heads", type=int, help=f"default: {by_default.replace('file', 'file or the shapes')}")
    add("--operation_tokens", type=int, nargs="+", metavar="TOKEN", help="default: those after the numbers")
    add("--activation", choices=ACTIVATIONS, help=f"default: {by_default}")
    add("--attention_temperature", type=float, help=f"default: {by_default}")
    add("--layer_norm_eps", type=float, help=f"default: {by_default}")
    args = parser.parse_args()
    tokens = None if args.operation_tokens is None else tuple(args.operation_tokens)
    said = UserHints(
        args.task,
        args.p,
        args.n_heads,
        args.activation,
        args.attention_temperature,
        tokens,
        args.layer_norm_eps,
    )
    imported = import_checkpoints(
        Request(
            args.source,
            args.output_dir,
            said,
            args.epoch,
            args.split,
            args.mapping,
            args.reading,
            command_line(),
        )
    )
    for note in (*imported.notes, imported.proof.text):
        print(note)
    print(imported.path)


if __name__ == "__main__":
    run_script(main)
