"""The forms that a model can be embedded in, one a module; see `edgeae.embed.table`.

A module of a form has two functions: `form(record, options)` returns the files that it writes, and
`prove(folder, record)` builds a copy of them and runs their example.
"""
