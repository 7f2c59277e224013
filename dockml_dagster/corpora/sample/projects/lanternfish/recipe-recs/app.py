import os

import numpy as np
from flask import Flask, render_template_string, request

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]
towers = np.load(os.environ.get("MODEL_PATH", "towers.npz"))

PAGE = "<h1>Cook tonight</h1><ol>{% for r in recipes %}<li>{{ r }}</li>{% endfor %}</ol>"


@app.route("/")
def home():
    wanted = [int(i) for i in request.args.get("have", "").split(",") if i]
    query = towers["ingredients"][wanted].mean(axis=0)
    best = np.argsort(-towers["recipes"] @ query)[: int(os.environ.get("TOP_K", 10))]
    return render_template_string(PAGE, recipes=[towers["titles"][i] for i in best])


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=80, debug=True)
