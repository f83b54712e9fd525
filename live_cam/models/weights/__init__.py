"""Finding, fetching and verifying the network's weights."""
