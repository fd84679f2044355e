import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ParseArgsConfig, parseArgs } from 'node:util';

/** As of the product's own commands (docs/cli.md). */
const WRONG_USAGE = 2;

/**
 * The arguments of a script that npm runs. `--help` prints what stands above the script's first line; what it does not
 * know ends it with one sentence and 2, before anything is started.
 * @param url the script's import.meta.url
 */
export function argumentsOf<const T extends ParseArgsConfig>(
  url: string,
  config: T,
): ReturnType<typeof parseArgs<T>> {
  if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
    console.log(usageOf(readFileSync(fileURLToPath(url), 'utf8')));
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    const [sentence] = (error as Error).message.split('. ');
    return wrongUsage(sentence!);
  }
}

/** The value of an option that has to be a whole number from `least` on. */
export function wholeNumber(option: string, text: string, least = 1): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= least) return value;
  return wrongUsage(`--${option} takes a whole number from ${least} on, not ${JSON.stringify(text)}`);
}

/** Folders that are there, at least one. @param what they hold, in words */
export function foldersOf(positionals: readonly string[], what: string): readonly string[] {
  if (positionals.length === 0) return wrongUsage(`Give ${what}`);
  const missing = positionals.find((path) => !existsSync(path));
  return missing === undefined ? positionals : wrongUsage(`There is no folder ${missing}`);
}

export function wrongUsage(sentence: string): never {
  console.error(`${sentence} (--help says what there is)`);
  process.exit(WRONG_USAGE);
}

/** The comment at the head of a script, as text. */
function usageOf(source: string): string {
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(source)?.[1] ?? '';
  return comment
    .split('\n')
    .map((line) => line.replace(/^ \* ?/, '').trimEnd())
    .join('\n')
    .trim()
    .replaceAll('`', '');
}
