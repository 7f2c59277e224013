FROM tensorflow/tensorflow:2.15.0-gpu@sha256:5c1b0d5b7c9f0a4c8e6f2d3a1b7e9c0d4f8a6b2c3d5e7f901a2b3c4d5e6f7081
LABEL framework=tensorflow
RUN pip install --no-cache-dir horovod[tensorflow]==0.28.1
COPY . /workspace/strata
RUN cd /workspace/strata && pip install --no-cache-dir .
ENTRYPOINT ["strata"]
