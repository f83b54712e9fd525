"""Where frames come from: the only room that opens a camera, a connection or a container; BGR never leaves it."""
