"""Zones and messages between name servers: transfers, keys that sign messages, who may do what over DNS."""
