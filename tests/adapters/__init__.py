"""Adapters that misbehave, each in one way: files such as a stranger might bring."""
