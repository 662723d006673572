"""Train one run until it groks: the same as ``grokking train``, with the same flags."""

from grokking.cli.main import run_as

if __name__ == "__main__":
    run_as("train")
