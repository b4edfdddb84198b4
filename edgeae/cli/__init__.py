"""The command line: one file per command, and the options and output that commands share.

A command imports heavy modules in its function, so that `--help` answers at once.
"""

from edgeae.cli.main import main

__all__ = ["main"]
