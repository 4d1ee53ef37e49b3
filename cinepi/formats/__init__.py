"""What a picture is made into: one file for each format, found by its suffix."""
