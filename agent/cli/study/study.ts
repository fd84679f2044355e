import { join } from 'node:path';
import type { Config } from '../../../config/schema.js';
import type { NetworkName, Site } from '../../study/published.js';
import type { Recipe } from './recipes.js';

/** One study, everything settled. */
export interface Study {
  readonly recipe: Recipe;
  /** The option it was asked for with. */
  readonly command: string;
  readonly networks: readonly NetworkName[];
  readonly python: string;
  /** Folder with images/ and masks/, and its hash. */
  readonly data: string;
  readonly dataSha256: string;
  /** Work folder: runs, models, sets, stamps, logs. */
  readonly out: string;
  readonly report: string;
  /** Folders of models to judge where nothing is trained: network to folder. */
  readonly given: ReadonlyMap<NetworkName, string> | null;
  /** Folder with finished runs NETWORK/{best.pt, history.json}, taken instead of training. */
  readonly runs: string | null;
  /** Processes that train together (torchrun). */
  readonly processes: number;
  readonly config: Config;
}

export function setFolder({ out }: Pick<Study, 'out'>, site: Site): string {
  return join(out, 'sets', site);
}
