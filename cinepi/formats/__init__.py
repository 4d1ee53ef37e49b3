"""What a frame is made into: one file for each format, in `pictures/` or `companions/`."""
