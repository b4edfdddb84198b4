"""Child processes that behave and misbehave, for `test_children.py`: `{"do": …}` chooses."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeae import errors
from edgeae.system import children


def work(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if job["do"] == "touch":
        Path(job["path"]).touch()
    yield {"pid": os.getpid()}
    match job["do"]:
        case "echo":
            yield {"echo": job["what"]}
        case "copy":
            yield {"doing": "copy"}
            (Path(job["out"]) / "deep").mkdir()
            (Path(job["out"]) / "deep" / "copy").write_bytes(Path(job["from"]).read_bytes())
            (Path(job["out"]) / "variable").write_text(os.environ["EDGEAE_EXAMPLE"])
        case "refuse":
            raise errors.BadInput(f"{job['from']}: refused")
        case "kill the parent":
            if not Path(job["unless"]).exists():
                if job["once"]:
                    Path(job["unless"]).touch()
                os.kill(os.getppid(), signal.SIGKILL)
                time.sleep(60)
        case "count":
            yield from ({"number": number} for number in range(job["to"]))
        case "signal":
            os.kill(os.getpid(), getattr(signal, job["signal"]))
        case "hang":
            time.sleep(60)
        case "hang with a child":
            yield {
                "grandchild": subprocess.Popen(
                    [sys.executable, "-c", "import time; time.sleep(60)"]
                ).pid
            }
            time.sleep(60)
        case "temporary":
            folder = Path(tempfile.mkdtemp())
            (folder / "file").write_text("left")
            yield {"folder": str(folder), "made": folder.exists()}
            if job["end"]:
                os.kill(os.getpid(), getattr(signal, job["end"]))
        case "raise":
            raise getattr(errors, job["kind"])(*job["arguments"])
        case "bug":
            raise ZeroDivisionError("a bug of ours")
        case "exit":
            sys.exit(job["status"])
        case "noise":
            os.write(1, b'{"raised": "BadInput", "arguments": ["not me"]}\n')
            os.write(1, b'{"echo": "printed by a library"}\n')
            os.write(2, b"warning: \xff\n")
            yield {"echo": "the answer"}


if __name__ == "__main__":
    if marker := os.environ.get("CHILD_MARKER"):
        Path(marker).write_text(str(os.getpid()))
    time.sleep(float(os.environ.get("CHILD_STARTS_FOR_S", "0")))
    children.serve(work)
