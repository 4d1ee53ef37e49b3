"""The camera: one contract, one folder for each backend, and the ladder that brings it back."""
