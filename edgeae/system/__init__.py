"""The operating system: files written whole, locks, child processes, signals, git.

Nothing here knows what a model is.
"""
