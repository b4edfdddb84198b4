"""Timing: how long a call takes, measured so that it can be believed."""
