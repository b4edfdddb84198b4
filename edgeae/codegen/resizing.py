"""What both ways of resizing an image ask for."""

from edgeae.codegen.operation import Operation


def four_dimensions(operation: Operation) -> bool:
    """Input and output are images: four dimensions, of 1 to 65,535 places each."""
    shapes = operation.input().shape, operation.output().shape
    return all(len(shape) == 4 and 0 < min(shape) <= max(shape) < 1 << 16 for shape in shapes)


def known_size(operation: Operation) -> bool:
    """The new size is a constant and that of the output."""
    size, (batches, _, _, channels) = operation.integers(1), operation.input().shape
    return size is not None and (batches, *size.reshape(-1), channels) == operation.output().shape
