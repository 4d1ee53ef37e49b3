"""What the device can be asked over MQTT: one command each in a file `<group>_<verb>.py`."""
