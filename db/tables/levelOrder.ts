import { LEVELS } from '../../agent/domain/levels.js';

/** SQL that sorts a column of levels from above down; their text does not. */
export function levelOrder(column: string): string {
  return `array_position(ARRAY[${LEVELS.map((level) => `'${level}'`).join(', ')}], ${column})`;
}
