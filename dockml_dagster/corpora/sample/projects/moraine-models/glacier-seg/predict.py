"""One scene in, one GeoTIFF with the glacier mask out."""

import sys
from pathlib import Path

import numpy as np
import rasterio
import segmentation_models_pytorch as smp
import torch
from safetensors.torch import load_file

net = smp.Unet("resnet34", in_channels=6, classes=1, encoder_weights=None)
net.load_state_dict(load_file("/weights/glacier-seg-v3.safetensors"))
net.eval()
source = Path(sys.argv[1])
with rasterio.open(source) as scene:
    bands, profile = scene.read([2, 3, 4, 8, 11, 12]).astype("float32") / 10_000, scene.profile
with torch.inference_mode():
    mask = (net(torch.from_numpy(bands)[None]) > 0).squeeze().numpy().astype(np.uint8)
profile.update(count=1, dtype="uint8")
with rasterio.open(source.with_suffix(".glacier.tif"), "w", **profile) as target:
    target.write(mask, 1)
