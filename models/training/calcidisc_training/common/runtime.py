"""Written ONNX files are run by onnxruntime: Python's where it is installed, else the agent's own, onnxruntime-node.

CALCIDISC_ONNX=node asks for the second one, which is what classifies cases and what its parity with PyTorch is about.
"""
import importlib.util
import json
import os
import shutil
import subprocess
import tempfile

import numpy as np

SCRIPT = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'onnx_node.mjs')


class NodeSession:
    """As much of onnxruntime.InferenceSession as is needed here, computed by onnxruntime-node in a process of its own.

    Raises RuntimeError with Node's message when it fails.
    """

    def __init__(self, path, threads=1, batch=16) -> None:
        self.path, self.threads, self.batch = os.path.abspath(path), threads, batch

    def run(self, outputs, inputs) -> list[np.ndarray]:
        """{name: float32 array} -> [array per output]; every array's first axis counts the batch."""
        with tempfile.TemporaryDirectory(prefix='calcidisc-onnx-') as folder:
            for name, values in inputs.items():
                np.ascontiguousarray(values, np.float32).tofile(os.path.join(folder, f'in.{name}.bin'))
            request = dict(outputs=outputs, inputs={k: v.shape for k, v in inputs.items()}, batch=self.batch, threads=self.threads)
            with open(os.path.join(folder, 'request.json'), 'w', encoding='utf-8') as f:
                json.dump(request, f)
            done = subprocess.run([node(), SCRIPT, self.path, folder], capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f'onnxruntime-node could not run {self.path}: {done.stderr.strip()[-2000:]}')
            shapes = json.loads(done.stdout.splitlines()[-1])
            return [np.fromfile(os.path.join(folder, f'out.{k}.bin'), np.float32).reshape(shapes[k]) for k in outputs]


def node() -> str:
    return os.environ.get('CALCIDISC_NODE') or shutil.which('node') or 'node'


def has_python_runtime() -> bool:
    return os.environ.get('CALCIDISC_ONNX') != 'node' and importlib.util.find_spec('onnxruntime') is not None


def has_node_runtime() -> bool:
    """Whether Node is there and finds onnxruntime-node from this folder: `npm ci` in the project brings it."""
    if not (os.environ.get('CALCIDISC_NODE') or shutil.which('node')):
        return False
    probe = "await import('onnxruntime-node')"
    return subprocess.run([node(), '--input-type=module', '-e', probe], cwd=os.path.dirname(SCRIPT), capture_output=True).returncode == 0


def open_session(path, threads=1) -> NodeSession:
    """An object with onnxruntime's run(outputs, inputs). Raises RuntimeError naming what to install."""
    if has_python_runtime():
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        return onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    if not has_node_runtime():
        raise RuntimeError('running ONNX files needs onnxruntime: pip install onnxruntime, or Node.js and `npm ci` in the project')
    return NodeSession(path, threads)
