"""Read a git repository: committed files, and the order of commits."""

import contextlib
import subprocess
from pathlib import Path, PurePosixPath

from edgeae.errors import BadInput, NotMeasured
from edgeae.system import atomic

#: Modes of plain files in git's trees; others are links and submodules.
_PLAIN = (b"100644", b"100755")


class _Refused(BadInput):
    """Git failed; `said` is the first line of git's error message."""

    def __init__(self, command: str, said: str) -> None:
        super().__init__(f"git {command}: {said or 'failed without a message'}")
        self.said = said


def log(project: Path) -> list[str]:
    """Return the commits up to the current one, the oldest first; empty without a repository."""
    try:
        return _git(project, "log", "--format=%H").decode().split()[::-1]
    except BadInput:
        return []


def extract(ref: str, folder: str, project: Path, out: Path) -> None:
    """Write a folder of the project, as committed at `ref`, into `out`.

    Args:
        ref: a branch, tag or commit.
        folder: path relative to `project`, with slashes.
        project: a folder inside a repository.
        out: an empty folder.

    Raises:
        BadInput: git, the repository or the ref is missing, or the folder holds something other
            than plain files.
        NotMeasured: the folder is not in that commit.
    """
    commit = _commit(ref, project)
    listing = _git(project, "ls-tree", "-r", "-z", commit, "--", f"{folder}/")
    entries = [entry for entry in listing.split(b"\0") if entry]
    if not entries:
        raise NotMeasured(
            f"git:{ref}: no {folder} in commit {commit[:12]}; "
            "`edgeae baseline save` makes baselines; commit them"
        )
    for entry in entries:
        facts, _, name = entry.partition(b"\t")
        path = name.decode(errors="surrogateescape")
        place = _inside(ref, folder, path)
        if facts.split()[0] not in _PLAIN:
            raise BadInput(f"git:{ref}: {path}: a link or a submodule; baselines are plain files")
        # with filters, a file under Git LFS is its content instead of a pointer
        content = _git(project, "cat-file", "--filters", f"{commit}:./{path}")
        atomic.write_bytes(out / place, content)


def _inside(ref: str, folder: str, path: str) -> PurePosixPath:
    """Return a path relative to the folder.

    Raises:
        BadInput: the path leads out of the folder.
    """
    place = PurePosixPath(path)
    if ".." in place.parts or not place.is_relative_to(folder):
        raise BadInput(f"git:{ref}: {path!r}: the path leads out of {folder}")
    return place.relative_to(folder)


def _commit(ref: str, project: Path) -> str:
    try:
        _git(project, "rev-parse", "--git-dir")
    except _Refused as error:
        raise BadInput(f"git:{ref}: {project}: {error.said}") from None
    # after --end-of-options, a name that begins with a dash is not an option
    name = ("--end-of-options", f"{ref}^{{commit}}")
    with contextlib.suppress(_Refused):
        commit = _git(project, "rev-parse", "--verify", "--quiet", *name).decode().strip()
        if commit.isalnum():  # git also accepts `^main`, a commit to exclude
            return commit
    shallow = _git(project, "rev-parse", "--is-shallow-repository").strip() == b"true"
    hint = "; the clone is shallow: fetch the history (in GitHub's checkout, fetch-depth: 0)"
    raise BadInput(f"git:{ref}: unknown branch, tag or commit{hint if shallow else ''}")


def _git(project: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(project), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        raise BadInput("git is not installed, and git:REF needs it") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise _Refused(arguments[0], lines[0] if lines else "")
    return done.stdout
