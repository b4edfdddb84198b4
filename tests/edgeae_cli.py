"""Running the command line as a user does: `python -m edgeae …` in a child process."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def edgeae(
    *arguments: str, cwd: Path, timeout: float = 300, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line in `cwd`; `env` is added to the environment."""
    return subprocess.run(
        [sys.executable, "-m", "edgeae", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
    )
