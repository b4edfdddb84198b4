"""Open, unpack, parse and type-check foreign files within bounds; refuse all others."""
