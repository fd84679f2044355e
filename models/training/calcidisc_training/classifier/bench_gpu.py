"""Discs per second of a bare onnxruntime loop on a GPU, for a machine where Node cannot be had with CUDA.

    python -m calcidisc_training.classifier.bench_gpu ../resnet34/1/model.onnx --batch 16 --json

The bare half of `npm run bench:infer` by onnxruntime's Python; needs onnxruntime-gpu. Without a GPU at hand it could
only be tried with `--provider cpu`. A provider that is not there is an error, never a figure of another one.
"""
import argparse
import json
import sys
import time

import numpy as np

PROVIDERS = dict(cuda='CUDAExecutionProvider', cpu='CPUExecutionProvider')


def measure(path, provider='cuda', batch=16, seconds=5.0) -> float:
    """Return discs per second. Raises RuntimeError when onnxruntime does not run the model on that provider."""
    import onnxruntime
    wanted = PROVIDERS[provider]
    if wanted not in onnxruntime.get_available_providers():
        raise RuntimeError(f'onnxruntime {onnxruntime.__version__} has no {wanted} here')
    session = onnxruntime.InferenceSession(path, providers=[wanted])
    if session.get_providers()[0] != wanted:
        raise RuntimeError(f'{wanted} could not be started: onnxruntime fell back to {session.get_providers()[0]}')
    image = np.random.default_rng(224).standard_normal((batch, 3, 224, 224), dtype=np.float32)
    for _ in range(3):
        session.run(None, {'image': image})
    started, batches = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        session.run(None, {'image': image})
        batches += 1
    return batches * batch / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', nargs='+')
    parser.add_argument('--provider', choices=PROVIDERS, default='cuda')
    parser.add_argument('--batch', type=int, default=16)
    parser.add_argument('--seconds', type=float, default=5.0)
    parser.add_argument('--json', action='store_true')
    options = parser.parse_args()
    speeds = {}
    for path in options.model:
        try:
            speeds[path] = measure(path, options.provider, options.batch, options.seconds)
        except RuntimeError as error:
            sys.exit(str(error))
        print(f'{path}: {speeds[path]:.1f} discs/s on {options.provider}, batches of {options.batch}')
    if options.json:
        print(json.dumps(dict(provider=options.provider, batch=options.batch, discsPerSecond=speeds)))


if __name__ == '__main__':
    main()
