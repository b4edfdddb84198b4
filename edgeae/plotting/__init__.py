"""Drawing: SVG elements, axes, labels, lines and PNG files, independent of what is plotted."""
