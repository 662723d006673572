"""Write the network of one epoch for other tools.

    python export_checkpoint.py RUN_DIR --format transformer_lens
    python export_checkpoint.py RUN_DIR --format onnx --epoch 12000 --output network.onnx

Formats: state_dict (our names, .pt or .safetensors), transformer_lens (legacy keys and a config;
grokking.interop.transformer_lens.load opens it in any version), onnx. Prints the file's path.
"""

from grokking.cli.console import run_script
from grokking.guard import loading


def main() -> None:
    with loading():
        import argparse
        from pathlib import Path

        from grokking.cli.flags import Parser
        from grokking.interop.export import FORMATS, export_checkpoint
        from grokking.runs.run import load_run

    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="a run directory")
    parser.add_argument("--format", required=True, metavar="|".join(FORMATS))
    parser.add_argument("--epoch", type=int, help="a kept epoch; default: the last")
    parser.add_argument("--output", type=Path, help="default: <run name>_e<epoch>_<format> in this folder")
    args = parser.parse_args()
    print(export_checkpoint(load_run(args.run), args.format, args.epoch, args.output))


if __name__ == "__main__":
    run_script(main)
