"""The nouns of access, as they stand in the records. All frozen; every change is an entry that writes new ones."""
