// node scripts/house.mjs [TREE ...]: measures of a tree's TypeScript, one column a tree (docs/design.md).
// Functions are counted by lines, first to last; casts are `as T` but `as const`, and `<T>x`.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ours = join(dirname(fileURLToPath(import.meta.url)), '..');
const trees = process.argv.length > 2 ? process.argv.slice(2).map((tree) => resolve(tree)) : [ours];
const PRODUCT = ['agent', 'cli', 'worker', 'db', 'migrations', 'models', 'config'];

/** What stood several times, as it was written each time. */
const COPIES = {
  'CT label union': /(['"])calcified\1\s*\|\s*(['"])not-calcified\2/g,
  'locate status union': /(['"])located\1\s*\|\s*(['"])uncertain\2/g,
  'SHA-256 of bytes': /createHash\('sha256'\)\s*\.update\([^;]*?\)\s*\.digest\('hex'\)/g,
  'peer from a destination': /calledAe: \w+\.?aeTitle|aeTitle: calledAe/g,
  'levels sorted as text in SQL': /orderBy\(\[?[^\n]*'(?:\w\.)?level'|ORDER BY (?:\w\.)?level/g,
};

function filesIn(folder) {
  const found = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== 'node_modules') found.push(...filesIn(path));
    else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts')) found.push(path);
  }
  return found;
}

function parsed(path) {
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
}

function* walk(node) {
  yield node;
  const below = [];
  ts.forEachChild(node, (child) => void below.push(child));
  for (const child of below) yield* walk(child);
}

function lines(source, node) {
  const at = (position) => source.getLineAndCharacterOfPosition(position).line;
  return at(node.getEnd()) - at(node.getStart(source)) + 1;
}

function isCast(node) {
  if (ts.isTypeAssertionExpression(node)) return true;
  return ts.isAsExpression(node) && node.type.getText() !== 'const';
}

function nameOf(node) {
  const named = node.name ?? node.parent?.name;
  return named?.getText?.() ?? '(anonymous)';
}

/** agent/locate, models/study, db/tables; cli and worker are one room each. */
function roomOf(path) {
  const [top, room, ...rest] = path.split('/');
  return ['agent', 'models', 'db'].includes(top) && rest.length > 0 ? `${top}/${room}` : top;
}

function arrowsOf(source, path) {
  return source.statements
    .filter((one) => ts.isImportDeclaration(one) && one.moduleSpecifier.text.startsWith('.'))
    .map((one) => [roomOf(path), roomOf(join(dirname(path), one.moduleSpecifier.text))])
    .filter(([from, to]) => from !== to)
    .map((pair) => pair.join(' -> '));
}

function measure(tree) {
  const sum = { files: 0, over300: [], functions: [], casts: 0, arrows: new Set(), text: '' };
  const folders = PRODUCT.filter((room) => readdirSync(tree).includes(room));
  for (const file of folders.flatMap((room) => filesIn(join(tree, room)))) {
    const path = relative(tree, file);
    const source = parsed(file);
    const length = source.getLineStarts().length - 1;
    sum.files++;
    sum.text += source.text;
    if (length > 300) sum.over300.push(`${path} ${length}`);
    for (const arrow of arrowsOf(source, path)) sum.arrows.add(arrow);
    for (const node of walk(source)) {
      if (isCast(node)) sum.casts++;
      if (ts.isFunctionLike(node) && node.body)
        sum.functions.push({ lines: lines(source, node), where: `${path} ${nameOf(node)}` });
    }
  }
  sum.functions.sort((a, b) => a.lines - b.lines);
  return sum;
}

function rowsOf({ files, over300, functions, casts, arrows, text }) {
  const at = (share) => functions[Math.min(functions.length - 1, Math.floor(share * functions.length))].lines;
  const { lines: longest, where } = functions.at(-1);
  return {
    files,
    functions: functions.length,
    'function, median': at(0.5),
    'function, p99': at(0.99),
    'function, longest': `${longest} (${where})`,
    'functions over 60 lines': functions.filter((one) => one.lines > 60).length,
    'files over 300 lines': over300.length,
    casts,
    'arrows between rooms': arrows.size,
    ...Object.fromEntries(
      Object.entries(COPIES).map(([name, pattern]) => [name, text.match(pattern)?.length ?? 0]),
    ),
  };
}

const measured = trees.map((tree) => measure(tree));
const columns = measured.map(rowsOf);
console.log(`| | ${trees.map((tree) => relative(process.cwd(), tree) || '.').join(' | ')} |`);
console.log(`|---|${trees.map(() => '---').join('|')}|`);
for (const name of Object.keys(columns[0]))
  console.log(`| ${name} | ${columns.map((column) => column[name]).join(' | ')} |`);
for (const [i, { functions, over300 }] of measured.entries()) {
  const long = functions.filter((one) => one.lines > 60).map(({ where, lines }) => `${where} ${lines}`);
  console.error(
    `${trees[i]}\n  over 60 lines: ${long.join('; ') || 'none'}\n  over 300: ${over300.join('; ')}`,
  );
}
