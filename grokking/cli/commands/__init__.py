"""The subcommands of ``grokking``, one module each."""
