"""Format text for people: columns, Markdown, values with units, printable text, progress."""
