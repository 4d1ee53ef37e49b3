"""The camera service: one process that owns the camera, the files, the configuration, the journal."""
