"""Where frames come from: cameras, network, files, demo. The only room that opens a camera or a container; BGR never leaves it."""
