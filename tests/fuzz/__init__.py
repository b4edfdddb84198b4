"""Mutants of every file that edgeae reads, through every command that reads it: `make fuzz`.

A mutant is refused in one clear line with an exit code of the table, or it does no harm. What
counts as a failure is in `judging.py`; what is mutated, and which commands read it, in `kinds.py`.
"""
