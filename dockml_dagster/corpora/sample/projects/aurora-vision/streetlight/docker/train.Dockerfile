FROM pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime
RUN apt-get update && apt-get install -y git && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir ultralytics==8.2.38 onnx==1.16.1 wandb
WORKDIR /workspace
COPY train/ ./train/
ENTRYPOINT ["python", "train/detector.py"]
CMD ["--epochs", "80", "--export", "onnx"]
