"""The configuration file `cinepi.yaml`: read, checked, changed with its comments, kept in copies.

The camera service is its only writer. Nothing here knows the journal or the camera.
"""
