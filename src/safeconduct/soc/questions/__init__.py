"""What a model is asked about an incident: which events it gets to see, as data, and what it may answer."""
