"""The exposure modes: one file is one mode, and its name is a value of `exposure_mode`."""
