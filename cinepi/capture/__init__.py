"""Pictures: taking one, what it is called, what it says of itself, and getting it onto the disk."""
