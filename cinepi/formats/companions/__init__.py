"""Formats of what lies beside the picture of a shot; the file is named for its suffix."""
