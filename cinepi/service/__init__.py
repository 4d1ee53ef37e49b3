"""The camera service: one process that owns camera, files, configuration and journal."""
