import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newUid } from '../../../agent/dicom/uid.js';
import type { Level } from '../../../agent/domain/levels.js';
import type { Network } from '../../../agent/locate/network.js';
import type { Locator } from '../../../agent/locate/pool.js';
import type { ClassifierFile } from '../../../models/catalogue/modelFiles.js';
import type { Engine } from '../../../worker/engine.js';
import type { Spoken } from '../../../worker/spine.js';
import { filesIn } from '../locateTruth.js';
import { type AlteredSeries, alterSeries, type Painted } from './alterSeries.js';
import { readSlices } from './readSlices.js';
import { writeSlices } from './writeSlices.js';

/** How thick slices are that clinics make. */
const THICK_MM = 4.5;

export interface Tools {
  readonly locator: Locator;
  readonly engine: Engine;
  readonly classifiers: readonly ClassifierFile[];
  readonly network: Network;
}

/** One disc, as each of the classifiers speaks of it, in their order. */
export interface Heard {
  readonly level: Level;
  readonly spoken: readonly Spoken[];
  /** Of the slice that the agent chose; null for what nobody painted. */
  readonly painted: Painted | null;
}

/** The variants of one series through the deployed path, each heard once. */
export class HeardSeries {
  private readonly heard = new Map<string, Promise<readonly Heard[] | null>>();

  constructor(
    private readonly folder: string,
    private readonly scratch: string,
    private readonly tools: Tools,
  ) {}

  /** null where the series cannot be made into the variant: its slices are thick already. */
  hear(variant: string): Promise<readonly Heard[] | null> {
    const heard = this.heard.get(variant) ?? this.made(variant).then((made) => made && this.read(made));
    this.heard.set(variant, heard);
    return heard;
  }

  private async made(variant: string): Promise<AlteredSeries | null> {
    const files = filesIn(this.folder);
    if (variant === 'plain') return { files, painted: new Map() };
    const from = join(this.scratch, 'from');
    if (!existsSync(from)) await writeSlices(from, await readSlices(files, this.tools.network));
    const { gapMm } = JSON.parse(readFileSync(join(from, 'stack.json'), 'utf8')) as { gapMm: number };
    const slab = variant.includes('thick') ? Math.round(THICK_MM / gapMm) : 1;
    if (!(slab >= 1 && Number.isFinite(slab)) || (variant.includes('thick') && slab === 1)) return null;
    return alterSeries(from, join(this.scratch, variant), howOf(variant, slab), newUid());
  }

  private async read({ files, painted }: AlteredSeries): Promise<readonly Heard[]> {
    const { locator, engine, classifiers } = this.tools;
    const { result, regions } = await locator.locateMr(files);
    const pictures = regions.map(({ png, sha256 }) => ({ png, pngSha256: sha256 }));
    const spoken = await Promise.all(
      classifiers.map((classifier) => Promise.all(engine.classify(classifier, pictures))),
    );
    return regions.map(({ level }, at) => {
      const own = result.discs.find((disc) => disc.level === level)?.slice ?? result.slice;
      const what = (own && painted.get(own.sopInstanceUid)?.get(level)) ?? null;
      return { level, spoken: spoken.map((each) => each[at]!), painted: what };
    });
  }
}

function howOf(variant: string, slab: number): string[] {
  const painter = /painted-(seen|unseen)|(trace)/.exec(variant);
  const scanner = /scanner-(\d+)/.exec(variant);
  return [
    ...['--slab', String(slab)],
    ...(painter ? ['--painter', painter[1] ?? painter[2]!] : []),
    ...(scanner ? ['--scanner', scanner[1]!] : []),
  ];
}

/** The variant that a painted one was painted over; itself where nothing is painted. */
export function cleanOf(variant: string): string {
  return variant.replace(/^(painted-(seen|unseen)|trace)-?/, '') || 'plain';
}
