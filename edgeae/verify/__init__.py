"""Verify: is each export, on each runtime, still the original?"""
