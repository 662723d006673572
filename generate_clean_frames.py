"""Film a run: the same as ``grokking frames clean``, with the same flags."""

from grokking.cli.main import run_film_script

if __name__ == "__main__":
    run_film_script("clean")
