"""The embedded default: control state and log in one SQLite database, data keys in another."""
