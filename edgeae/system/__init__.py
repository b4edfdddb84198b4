"""The operating system: atomic writes, locks, child processes, signals, git; no code for models."""
