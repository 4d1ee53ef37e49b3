"""The vocabulary of the product: settings, documents of the present state, and events.

All of them are frozen message types: what travels on the socket and over MQTT, what is kept in the
journal and in the configuration, is one of these.
"""
