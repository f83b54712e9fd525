"""Live video to media servers, HLS folders and virtual cameras, each encoded in a process of its own."""
