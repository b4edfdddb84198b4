"""Sizes of images for the convolutional families."""

from edgeae.errors import BadInput


def picture(shape: tuple[int, ...], family: str) -> tuple[int, int, int]:
    """Return height, width and channels of one image.

    Raises:
        BadInput: the shape has neither two nor three axes.
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
    """Return a side's size after `times` convolutions of stride 2 with padding `same`."""
    return -(-size // (1 << times))
