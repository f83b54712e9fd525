"""Servers of others that `python -m scripts.publish_servers.main` publishes to."""
