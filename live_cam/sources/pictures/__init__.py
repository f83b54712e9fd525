"""Reading of image files as a browser shows them: one reader for the command line, folders and live sources."""
