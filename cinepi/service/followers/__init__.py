"""Who follows settings: one file is one follower, and a new file is found by itself."""
