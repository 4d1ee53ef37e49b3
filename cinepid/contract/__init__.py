"""The MQTT contract as a document, made from the message types, the topics and the commands.

`python -m cinepid.contract write` writes `docs/asyncapi.yaml` and `docs/mqtt-reference.md`; nothing
in them is said first there. The daemon itself does not need this package.
"""
