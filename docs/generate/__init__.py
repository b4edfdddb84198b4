"""The pages of `docs/reference/`, written from the code that they describe.

`make reference` writes them; a test fails while a committed page differs from what is written here.
"""
