"""PyTorch files, which cannot be imported: told by their content, so that the error says what can.

`torch.save` writes a zip archive with a pickle in it, or, before version 1.6, a bare pickle.
"""

import zipfile
from pathlib import Path

from edgeae.reading import files

#: What to do instead.
ADVICE = (
    "a PyTorch file, by its content: pickled objects, which can run code; "
    "torch.onnx.export(model, example, 'model.onnx') makes a file that can be imported"
)
_ZIP = b"PK\x03\x04"
#: A pickle of protocol 2, which begins with PyTorch's long magic number.
_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_PICKLE = "/data.pkl"


def is_torch(path: Path) -> bool:
    """Tell whether a file is what `torch.save` or `torch.jit.save` wrote; nothing is unpickled."""
    with files.open_regular(path) as stream:
        start = stream.read(len(_LEGACY))
        if not start.startswith(_ZIP):
            return start == _LEGACY
        try:
            with zipfile.ZipFile(stream) as archive:
                return any(name.endswith(_PICKLE) for name in archive.namelist())
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
            return False  # no archive, or a damaged one, which the reader of Keras files says
