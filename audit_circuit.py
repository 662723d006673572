"""Audit a network from the inside: memorising, mixed, or a Fourier circuit, and what holds for it.

    python audit_circuit.py phase_transition/checkpoints/default
    python audit_circuit.py phase_transition/checkpoints/default --epoch 2000
    python audit_circuit.py phase_transition/checkpoints/default --over_training
    python audit_circuit.py phase_transition/checkpoints/default --over_training --thorough

Writes audit.json and one page per operation (audit_add.png) into the run directory. With
--over_training the verdict at every kept checkpoint: audit_over_training.json and its picture; an
interrupted series goes on where it stopped. The verdict rests on ablations; the slopes of the loss and the
robustness, some ten seconds a checkpoint at p = 113, come with --thorough. Prints the verdicts and the paths.
"""

from grokking.cli.console import run_script
from grokking.guard import loading


def main() -> None:
    with loading():
        import argparse
        from pathlib import Path

        from grokking.audit.command import audit, audit_series
        from grokking.cli.flags import Parser
        from grokking.errors import UserError

    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="a run directory")
    parser.add_argument("--epoch", type=int, help="which kept checkpoint (default: the last)")
    parser.add_argument("--over_training", action="store_true", help="the verdict at every kept checkpoint")
    parser.add_argument(
        "--thorough",
        action="store_true",
        help="with --over_training: slopes and robustness at every checkpoint too",
    )
    args = parser.parse_args()
    if args.over_training and args.epoch is not None:
        raise UserError("--over_training audits every kept checkpoint; leave --epoch out")
    if args.thorough and not args.over_training:
        raise UserError("--thorough goes with --over_training; a single checkpoint is always audited in full")
    for line in audit_series(args.run, args.thorough) if args.over_training else audit(args.run, args.epoch):
        print(line)


if __name__ == "__main__":
    run_script(main)
