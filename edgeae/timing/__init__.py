"""Timing: measures the latency of calls, operators and instructions, and checks the conditions."""
