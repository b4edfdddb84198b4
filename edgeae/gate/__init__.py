"""The gate: is the candidate slower, larger or worse than its baseline? Four verdicts."""
