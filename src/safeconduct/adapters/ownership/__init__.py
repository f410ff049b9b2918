"""Looks in the world whether whoever has an asset put up the text of a challenge."""
