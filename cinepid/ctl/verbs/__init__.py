"""What `cinepictl` can do: one verb is one file, found by its name."""
