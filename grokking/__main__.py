"""``python -m grokking`` is the command ``grokking``."""

from grokking.cli.entry import main

if __name__ == "__main__":
    main()
