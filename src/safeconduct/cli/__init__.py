"""Commands, one module per noun. They parse arguments, ask the control API and print; they decide nothing."""
