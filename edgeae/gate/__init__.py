"""The gate: decides whether a candidate is slower, larger or worse than its baseline."""
