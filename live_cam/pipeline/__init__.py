"""What joins source, step, overlay and viewers: two threads and what they share."""
