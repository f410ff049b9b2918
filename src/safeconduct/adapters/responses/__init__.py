"""What responses do outside, and how it is seen that they did."""
