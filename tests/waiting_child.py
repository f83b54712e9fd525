"""A child process that says its number and waits; it ends with its parent."""

import os
import sys
import time

from live_cam.child_process import end_with_parent

if __name__ == "__main__":
    end_with_parent()
    os.write(sys.stdout.fileno(), f"{os.getpid()}\n".encode())
    time.sleep(600)
