"""Train one run until it groks: the same as ``grokking train``, with the same flags."""

from grokking.cli.entry import script

if __name__ == "__main__":
    script("train")
