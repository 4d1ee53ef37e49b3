"""Cameras: each folder here is one, and its name is a value of the setting `camera.backend`.

Its file `backend.py` holds a class `Backend` that keeps `cinepi.camera.contract.CameraBackend`. It
is imported only when it is asked for, and imports the library of its hardware no earlier than
`open`.
"""
