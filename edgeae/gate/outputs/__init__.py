"""The gate's output formats: text, JUnit XML, Markdown, and github-action-benchmark's JSON."""
