"""Requests made up from every service's openapi.json, sent to the local cloud: `make fuzz`."""
