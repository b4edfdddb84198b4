"""Verify: checks that each export gives the original's answers in each runtime."""
