"""Formats that the picture of a shot can have; the file is named for its suffix."""
