"""What joins source, step, overlay and viewers: the threads, and what they share."""
