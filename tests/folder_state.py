"""What lies in a folder, so exactly that nothing can be written without being noticed."""

import hashlib
from pathlib import Path

__all__ = ["folder_state"]


def folder_state(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Every path below → its content's hash or a link's target, its date and its inode."""
    return {path.relative_to(folder).as_posix(): _told(path) for path in folder.rglob("*")}


def _told(path: Path) -> tuple[str, int, int]:
    status = path.lstat()
    if path.is_symlink():
        content = f"→ {path.readlink()}"
    elif path.is_dir():
        content = "folder"
    else:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    return content, status.st_mtime_ns, status.st_ino
