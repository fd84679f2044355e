"""One training process, or several under torchrun: who is first, what they share, and mixed precision on each device."""
import contextlib
import os
from collections.abc import Callable
from typing import TypeVar

import torch

Shared = TypeVar('Shared')


class Processes:
    """Joins the group that torchrun made; alone without it. Gloo on CPUs, NCCL on GPUs, one GPU per process."""

    def __init__(self) -> None:
        self.rank, self.world = int(os.environ.get('RANK', 0)), int(os.environ.get('WORLD_SIZE', 1))
        self.device = 'cuda' if torch.cuda.is_available() else 'cpu'
        if self.device == 'cuda':
            torch.cuda.set_device(int(os.environ.get('LOCAL_RANK', 0)))
        if self.world > 1:
            torch.distributed.init_process_group('nccl' if self.device == 'cuda' else 'gloo')

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def share_of(self, items: Shared) -> Shared:
        """Every process as many, none twice: a process with a step more would wait for the others for ever."""
        return items[:len(items) // self.world * self.world][self.rank::self.world]

    def first_then_others(self, make: Callable[[], Shared]) -> Shared:
        """make() in the first process, then in the others: those find its files and write none at the same time."""
        made = make() if self.is_first else None
        self.wait()
        return made if self.is_first else make()

    def from_first(self, value) -> float:
        """The first process's number in all: what decides about stopping must be the same everywhere."""
        if self.world == 1:
            return value
        shared = torch.tensor([float(value)], dtype=torch.float64, device=self.device)
        torch.distributed.broadcast(shared, 0)
        return shared.item()

    def wait(self) -> None:
        if self.world > 1:
            torch.distributed.barrier()

    def leave(self) -> None:
        if self.world > 1:
            torch.distributed.destroy_process_group()


def half_type(device) -> torch.dtype:
    """bfloat16 where the machine has it natively, None where it would only slow things down."""
    if device == 'cuda':
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as f:
            flags = f.read()
    except OSError:
        return None
    return torch.bfloat16 if 'amx_bf16' in flags or 'avx512_bf16' in flags else None


def mixed(device, half) -> contextlib.AbstractContextManager:
    """Autocast to `half`, or nothing when it is None."""
    return torch.autocast(device, dtype=half) if half is not None else contextlib.nullcontext()


def grad_scaler(device, half) -> torch.cuda.amp.GradScaler:
    """Only float16 needs one; bfloat16 has float32's range."""
    enabled = half == torch.float16
    return torch.amp.GradScaler(device, enabled=enabled) if hasattr(torch.amp, 'GradScaler') else torch.cuda.amp.GradScaler(enabled=enabled)


def can_fuse_adam(device, half) -> bool:
    """Fused Adam runs on CPUs from PyTorch 2.4 on, and not behind a gradient scaler."""
    recent = tuple(int(n) for n in torch.__version__.split('.')[:2]) >= (2, 4)
    return half != torch.float16 and (recent or device == 'cuda')
