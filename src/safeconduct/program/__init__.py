"""The slow, human side of a program: what agreements assign and owe, how they change and end, who is admitted."""
