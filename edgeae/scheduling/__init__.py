"""Scheduling: tasks that are child processes, on this machine or a Dask cluster: one protocol."""
