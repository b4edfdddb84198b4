"""Drawing: SVG elements, axes, labels and lines; PNG files.

Nothing here knows what is plotted.
"""
