"""The summary: reads the files of a build into frozen dataclasses, for reports and choices."""
