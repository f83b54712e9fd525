"""Frame sources: the only package that opens cameras, connections and containers. Frames leave it as RGB."""
