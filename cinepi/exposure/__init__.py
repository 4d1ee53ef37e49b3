"""How a slot is exposed: what an exposure mode must do, the modes, and the meter they learn by."""
