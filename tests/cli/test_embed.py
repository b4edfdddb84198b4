"""`edgeae embed`: the folder compiles as it stands, and every failure is one line."""
