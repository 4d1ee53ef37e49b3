"""CinePi: the camera side of a Raspberry Pi timelapse device. It has never heard of MQTT."""

__version__ = "0.1.0"
