"""Metrics of saliency maps: how much a map tells of what the network does, and where its relevance lies."""
