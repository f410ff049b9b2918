"""Scripts that make files of the project. None of them is needed to run it."""
