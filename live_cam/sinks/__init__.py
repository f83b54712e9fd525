"""Where pictures go: viewers and snapshots."""
