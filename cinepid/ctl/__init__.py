"""`cinepictl`: the operator's client. It knows the MQTT contract, and neither daemon nor camera."""
