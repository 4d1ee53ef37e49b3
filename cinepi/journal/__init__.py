"""The database of the camera service: events, captures, requests and what outlives a restart."""
