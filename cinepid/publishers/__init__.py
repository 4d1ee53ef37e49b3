"""What the device says by itself."""
