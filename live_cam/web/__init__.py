"""The page and its routes. The only package that imports gradio or fastapi."""
