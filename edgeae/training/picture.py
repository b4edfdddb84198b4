"""What convolutional families need to know of an image: height, width, channels."""

from edgeae.errors import BadInput


def picture(shape: tuple[int, ...], family: str) -> tuple[int, int, int]:
    """Return height, width and channels of one image.

    Raises:
        BadInput: the values of the dataset are no pictures.
    """
    if len(shape) == 2:
        return shape[0], shape[1], 1
    if len(shape) == 3:
        return shape[0], shape[1], shape[2]
    raise BadInput(
        f"family {family}: images of shape {shape}; allowed are (height, width) and "
        "(height, width, channels)"
    )


def halved(size: int, times: int) -> int:
    """Return what a stride of 2 leaves of a side, `times` times, under padding `same`."""
    return -(-size // (1 << times))
