"""Home Assistant: features become entities, and one retained document announces the device.

Pure are `facts`, `source`, `template`, `derive`, `entities/` and `document`: what to say. `memory`
and `homeassistant` are about when to say it, and what has been said before.
"""
