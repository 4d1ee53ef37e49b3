"""The camera: one contract, one file for each backend, and the ladder that brings it back."""
