"""The child of a task that does nothing, for `sweep.py`."""

from edgeae.system.children import serve

if __name__ == "__main__":
    serve(lambda job: ())
