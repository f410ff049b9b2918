"""The rules that ship: this project's own, in Sigma's form. Each has tests of what fires it and what just does not."""
