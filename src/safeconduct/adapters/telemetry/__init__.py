"""Readers of telemetry files: what a file is, by its content; its records; and what could not be read, with the reason.

Real files are cut, mixed up and broken. Nothing here fails on content: a line that can't be read becomes a dead letter
with its number and a code, a file that can't be read a refusal with a code, and the bytes are kept either way.
"""
