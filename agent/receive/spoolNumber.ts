import { randomInt } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A number of this spool's own, made once: what one agent holds while it works in it, by whatever path it came. */
export async function spoolNumber(dir: string): Promise<number> {
  await mkdir(dir, { recursive: true });
  const file = join(dir, 'number');
  // 'wx': of two that begin at the same time the second reads what the first has written.
  await writeFile(file, `${randomInt(1, 2 ** 31 - 1)}\n`, { flag: 'wx' }).catch((error) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
  const number = Number(await readFile(file, 'utf8'));
  if (Number.isInteger(number) && number > 0 && number < 2 ** 31) return number;
  throw new Error(`${file} has to hold one number: take it away, and it is made anew`);
}
