"""What the work on incidents was worth: its time, its cost, what a model changed, what people were asked."""
