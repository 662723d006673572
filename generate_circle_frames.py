"""Film a run: the same as ``grokking frames circle``, with the same flags."""

from grokking.cli.entry import script

if __name__ == "__main__":
    script("frames circle")
