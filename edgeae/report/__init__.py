"""The report: code that renders a build's summary as HTML and Markdown; it runs no model."""
