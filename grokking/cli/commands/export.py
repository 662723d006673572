"""Write the network of one epoch for other tools.

    grokking export RUN_DIR --format transformer_lens
    grokking export RUN_DIR --format onnx --epoch 12000 --output network.onnx

Formats: state_dict (our names, .pt or .safetensors), transformer_lens (legacy keys and a config;
grokking.interop.transformer_lens.load opens it in any version), onnx. Prints the file's path.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, Command
from grokking.guard import loading


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The run, the epoch and the format."""
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="a run directory")
    parser.add_argument("--format", required=True, metavar="state_dict|transformer_lens|onnx")
    parser.add_argument("--epoch", type=int, help="the epoch of a checkpoint; default: the last")
    parser.add_argument("--output", type=Path, help="default: <run name>_e<epoch>_<format> in this folder")


def run(args: argparse.Namespace) -> None:
    """Export and print the path."""
    with loading():
        from grokking.interop.export import export_checkpoint
        from grokking.runs.run import load_run

    print(export_checkpoint(load_run(args.run), args.format, args.epoch, args.output))


COMMANDS.register(
    Command("export", "one epoch for TransformerLens, ONNX or PyTorch", __doc__, add_flags, run, 130)
)
