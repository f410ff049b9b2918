"""All concurrency: the group-commit writer, effects and timers, the interpreter of calls."""
