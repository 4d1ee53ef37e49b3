"""A camera made of numbers, for a first try without a Pi, for demonstrations and for tests."""
