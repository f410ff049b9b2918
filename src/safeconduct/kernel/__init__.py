"""The words every other package speaks: ids, instants, canonical bytes, errors, decisions, entries, ports.

Standard library only. Nothing here performs I/O, reads a clock or draws randomness.
"""
