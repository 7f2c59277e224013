"""Watches a folder, recognises, serves the timeline."""

from pathlib import Path

from flask import Flask, jsonify

from birdline.recognise import recognise

app = Flask(__name__)
recordings = Path("/data")


@app.get("/timeline")
def timeline():
    return jsonify([
        {"file": path.name, "calls": recognise(path)}
        for path in sorted(recordings.glob("*.wav"))
    ])
