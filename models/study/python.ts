import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CalcidiscError } from '../../agent/domain/errors.js';
import { projectRoot } from '../../config/root.js';

export const trainingFolder = join(projectRoot, 'models', 'training');
const MODULES = ['torch', 'numpy', 'scipy', 'PIL', 'onnx'] as const;
const KEPT_LINES = 15;

/** Where Python is looked for when nobody names it. */
function candidates(): string[] {
  const own = join(trainingFolder, '.venv', 'bin', 'python');
  return [process.env.CALCIDISC_PYTHON, own, 'python3', '/usr/bin/python3', 'python'].filter(
    (path): path is string => path !== undefined && (path !== own || existsSync(own)),
  );
}

/**
 * The first Python that has what training needs; `also` names modules wanted beyond that.
 * @throws CalcidiscError PYTHON_MISSING saying what each lacks and how to install it
 */
export function findPython(wanted: string | undefined, also: readonly string[] = []): string {
  const modules = [...MODULES, ...also];
  const found: string[] = [];
  for (const python of wanted ? [wanted] : [...new Set(candidates())]) {
    const lacking = lackingModules(python, modules);
    if (lacking?.length === 0) return python;
    found.push(lacking ? `${python} lacks ${lacking.join(', ')}` : `${python} is not there`);
  }
  throw new CalcidiscError(
    'PYTHON_MISSING',
    `training needs Python 3.10 or newer with ${modules.join(', ')}: ${found.join('; ')}.\n` +
      '  Debian:    apt-get install python3-torch python3-onnx python3-numpy python3-scipy python3-pil\n' +
      "  anywhere:  python3 -m venv models/training/.venv && models/training/.venv/bin/pip install -e 'models/training[classifiers]'\n" +
      '  another one: --python PATH or CALCIDISC_PYTHON. timm is only needed for ImageNet weights (--weights none does without).',
  );
}

/** Null where there is no such program. */
function lackingModules(python: string, modules: readonly string[]): string[] | null {
  const program = `import importlib.util as u, json; print(json.dumps([m for m in ${JSON.stringify(modules)} if u.find_spec(m) is None]))`;
  const { status, stdout } = spawnSync(python, ['-c', program], { encoding: 'utf8' });
  return status === 0 ? (JSON.parse(stdout) as string[]) : null;
}

export interface PythonRun {
  readonly python: string;
  /** Everything after the program's name. */
  readonly args: readonly string[];
  /** Gets all that it prints. */
  readonly log: string;
}

/**
 * Runs a module of the training package to its end, line by line.
 * @throws CalcidiscError TRAINING_FAILED with its last lines
 */
export async function runPython(
  { python, args, log }: PythonRun,
  onLine: (line: string) => void,
): Promise<void> {
  await mkdir(join(log, '..'), { recursive: true });
  const file = createWriteStream(log, { flags: 'a' });
  const environment = {
    PYTHONPATH: trainingFolder,
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    // Threads that spin while they wait take the cores from the processes that simulate.
    OMP_WAIT_POLICY: 'PASSIVE',
    CALCIDISC_NODE: process.execPath,
  };
  const child = spawn(python, args, {
    cwd: trainingFolder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = () => child.kill('SIGTERM');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
  const last: string[] = [];
  const keep = (line: string) => {
    file.write(`${line}\n`);
    last.push(line);
    if (last.length > KEPT_LINES) last.shift();
  };
  createInterface(child.stderr).on('line', keep);
  createInterface(child.stdout).on('line', (line) => {
    keep(line);
    onLine(line);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
  file.end();
  if (code === 0) return;
  const how = code === null ? 'was stopped' : `ended with ${code}`;
  throw new CalcidiscError(
    'TRAINING_FAILED',
    `python ${args.slice(0, 2).join(' ')} ${how}; all it said is in ${log}\n${last.join('\n')}`,
  );
}
