"""What joins source, step, overlay and viewers: the threads between them, and what they share."""
