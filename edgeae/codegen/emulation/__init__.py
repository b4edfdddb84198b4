"""Emulation: runs generated C on emulated cores and counts instructions, flash and RAM."""
