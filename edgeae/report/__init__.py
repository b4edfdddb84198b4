"""The report: everything that is known about a build, on one page. Reads files; runs nothing."""
