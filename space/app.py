"""The Hugging Face Space: each visitor's own camera, explained live."""

import os
import sys

from live_cam.__main__ import main

if __name__ == "__main__":
    port = os.environ.get("GRADIO_SERVER_PORT", "7860")
    name = os.environ.get("SPACE_HOST")  # by which Hugging Face's proxy asks for it
    allowed = ["--allow-host", name] if name else []
    sys.argv[1:] = ["browser", "--public", "--host", "0.0.0.0", "--port", port, "--no-open", *allowed]
    main()
