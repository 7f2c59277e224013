"""Trains the lamp detector and exports it to ONNX."""

import argparse

from ultralytics import YOLO

parser = argparse.ArgumentParser()
parser.add_argument("--data", default="lamps.yaml")
parser.add_argument("--epochs", type=int, default=80)
parser.add_argument("--export", default="onnx")
arguments = parser.parse_args()

model = YOLO("yolov8s.pt")
model.train(data=arguments.data, epochs=arguments.epochs, imgsz=640)
model.export(format=arguments.export)
