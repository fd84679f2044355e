// npm run study: installs and builds what is missing, then runs `calcidisc study` with the same arguments.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';

setup();
const cli = fileURLToPath(new URL('../bin/calcidisc.mjs', import.meta.url));
const child = spawn(process.execPath, [cli, 'study', ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
