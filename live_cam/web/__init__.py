"""The page and its routes. The only room that imports gradio or fastapi."""
