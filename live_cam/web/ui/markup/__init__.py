"""HTML of the page beside Gradio's controls.

Gradio runs what a template holds between `${` and `}` or `{{` and `}}`, which escaping leaves alone. So no text from
outside is in here: names, labels and errors arrive with the frames, and the page's scripts set them as text.
"""
