"""`make mutants`: faults planted in copies of this checkout, which its tests must catch."""
