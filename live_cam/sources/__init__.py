"""Where frames come from: camera, file, demo. The only room that opens a camera or a container; BGR never leaves it."""
