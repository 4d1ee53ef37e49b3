"""Sessions: the frame grid, what a session is, and the thread that fires the shutter."""
