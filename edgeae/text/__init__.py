"""Text that people read: columns, Markdown tables, amounts in their units, progress."""
