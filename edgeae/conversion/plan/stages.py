"""The stages of an export that others listen for, as its child names them."""

#: Said before the child trains the equal-budget control, and after that.
CONTROL, CONVERT = "train the equal-budget control", "convert"
