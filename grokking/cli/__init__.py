"""The command line: flags, console output, how a command ends."""
