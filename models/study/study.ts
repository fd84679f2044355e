import { join } from 'node:path';
import type { Config } from '../../config/schema.js';
import type { NetworkName, Site } from './published.js';
import type { Recipe } from './recipes.js';

/** One study, everything settled. */
export interface Study {
  readonly recipe: Recipe;
  /** The option it was asked for with. */
  readonly command: string;
  readonly networks: readonly NetworkName[];
  readonly python: string;
  /** What is trained on: a folder with images/ and masks/ to draw calcifications on, or a site's own export. */
  readonly source: Source;
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

export interface Source {
  readonly kind: 'simulated' | 'own';
  readonly folder: string;
  readonly sha256: string;
}

/** A study of a site's own regions. */
export interface OwnStudy extends Study {
  /** An export of other patients, which all figures are of, and its hash. */
  readonly test: { readonly folder: string; readonly sha256: string };
  /** The regions are of phantoms or drawn calcifications: the cards have to say so. */
  readonly isSimulated: boolean;
}

export function setFolder({ out }: Pick<Study, 'out'>, site: Site): string {
  return join(out, 'sets', site);
}
