"""The training loop: sharded data, gradient accumulation, a checkpoint that can be evaluated apart."""

from __future__ import annotations

import os

import torch
import torch.distributed as distributed
from torch.nn.parallel import DistributedDataParallel


def train(net: torch.nn.Module, batches, optimiser, checkpoint: str, accumulate: int = 1) -> None:
    distributed.init_process_group("nccl")
    device = int(os.environ["LOCAL_RANK"])
    net = DistributedDataParallel(net.to(device), device_ids=[device])
    for step, (inputs, targets) in enumerate(batches, start=1):
        loss = torch.nn.functional.cross_entropy(net(inputs.to(device)), targets.to(device))
        (loss / accumulate).backward()
        if step % accumulate == 0:
            optimiser.step()
            optimiser.zero_grad()
        if step % 1000 == 0 and distributed.get_rank() == 0:
            torch.save(net.module.state_dict(), checkpoint)
