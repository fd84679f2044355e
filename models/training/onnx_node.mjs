// Runs one ONNX file with onnxruntime-node for runtime.py: node onnx_node.mjs MODEL FOLDER
// FOLDER/request.json: { outputs: [name], inputs: { name: shape }, batch, threads }, values in FOLDER/in.NAME.bin (float32).
// Writes FOLDER/out.NAME.bin (float32, whatever the model's type) and prints { name: shape }. `batch` regions at a time along the first axis.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const [model, folder] = process.argv.slice(2);
const { outputs, inputs, batch, threads } = JSON.parse(await readFile(join(folder, 'request.json'), 'utf8'));
const session = await InferenceSession.create(model, {
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
});

const values = {};
for (const name of Object.keys(inputs)) {
  const bytes = await readFile(join(folder, `in.${name}.bin`));
  values[name] = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
const [first] = Object.values(inputs);
const parts = Object.fromEntries(outputs.map((name) => [name, []]));
const shapes = {};
for (let from = 0; from < first[0]; from += batch) {
  const count = Math.min(batch, first[0] - from);
  const feeds = {};
  for (const [name, [, ...rest]] of Object.entries(inputs)) {
    const size = rest.reduce((product, n) => product * n, 1);
    feeds[name] = new Tensor('float32', values[name].subarray(from * size, (from + count) * size), [count, ...rest]);
  }
  const answer = await session.run(feeds, outputs);
  for (const name of outputs) {
    const { data, dims } = answer[name];
    parts[name].push(Buffer.from(Float32Array.from(data).buffer));
    shapes[name] = [(shapes[name]?.[0] ?? 0) + dims[0], ...dims.slice(1)];
  }
}
for (const name of outputs) await writeFile(join(folder, `out.${name}.bin`), Buffer.concat(parts[name]));
console.log(JSON.stringify(shapes));
