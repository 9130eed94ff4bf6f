"""Sends answers: a provider's, as it gave them, or the gateway's own, with what they rest on."""
