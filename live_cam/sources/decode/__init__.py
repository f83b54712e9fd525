"""Decoding video files, in a child process since FFmpeg may crash on damaged input."""
