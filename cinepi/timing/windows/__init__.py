"""When pictures are taken: one file for each kind of windows, found by its name.

A file holds a class `Rule` that keeps `contract.Windows`. A session remembers its rule as plain
JSON, `{"rule": "once", …}`, so that adding a kind of windows is adding a file.
"""
