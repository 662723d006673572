"""``python -m grokking`` is the command ``grokking``."""

from grokking.cli.main import main

if __name__ == "__main__":
    main()
