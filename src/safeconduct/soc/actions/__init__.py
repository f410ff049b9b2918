"""Response actions: contracts over one target, with an inverse, an end, and a look whether they took effect."""
