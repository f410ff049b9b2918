"""Commands, one module per noun. They parse arguments, ask the control API and print; they decide nothing.

A noun's module has `commands`, a typer app that main.py adds under its noun; a verb without a noun is a plain function.
"""
