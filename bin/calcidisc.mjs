#!/usr/bin/env node
import { existsSync } from 'node:fs';

const entry = new URL('../dist/cli/main.js', import.meta.url);
if (!existsSync(entry)) {
  console.error('calcidisc is not built yet. Run: node scripts/setup.mjs');
  process.exit(1);
}
await import(entry.href);
