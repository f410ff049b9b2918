"""A model's answer, read into claims to check. Whatever it says, what is no claim is named and nothing raises."""
