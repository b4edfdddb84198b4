"""The command line: one file per command.

Heavy imports happen inside the command that needs them, so that `--help` answers at once.
"""

from edgeae.cli.main import main

__all__ = ["main"]
