"""The real camera: libcamera through picamera2."""
