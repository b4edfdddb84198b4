"""Files that others made: opened, unpacked, parsed and typed within bounds, or refused."""
