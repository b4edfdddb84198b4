"""What the gate prints and writes: text, JUnit XML, Markdown, github-action-benchmark's JSON."""
