"""Makes a Dask worker answer tasks without a child process, for `sweep.py`: `--preload` runs it."""

from edgeae.scheduling import on_worker

on_worker.reports = lambda *_, **__: []
