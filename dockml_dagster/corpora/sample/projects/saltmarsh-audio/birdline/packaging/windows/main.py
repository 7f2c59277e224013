"""The ranger's laptop: the same recogniser in a window of its own."""

import threading

import webview

from birdline.server import app

threading.Thread(target=app.run, kwargs={"port": 5000}, daemon=True).start()
webview.create_window("Birdline", "http://127.0.0.1:5000/timeline")
webview.start()
