"""Everything that a build holds, read into frozen values for whoever shows or chooses."""
