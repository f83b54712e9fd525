"""The Gradio page and its static files."""
