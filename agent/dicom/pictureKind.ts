import type { PictureKind } from '../domain/imageFacts.js';
import type { DataSet } from './elements.js';
import type { Keyword } from './keywords.js';
import { said } from './said.js';

/** The macro of a frame by its sequence, shared ones included; the data set itself where there are no frames. */
export type Macro = (sequence: Keyword) => DataSet;

/** One for each frame; one for an object that is one image. PS3.3 C.7.6.16.2: a frame's own macro before the shared. */
export function macrosOf(dataSet: DataSet): readonly Macro[] {
  const shared = dataSet.items('SharedFunctionalGroupsSequence')[0];
  const frames = dataSet.items('PerFrameFunctionalGroupsSequence');
  const macroOf =
    (frame: DataSet | undefined): Macro =>
    (sequence) =>
      frame?.items(sequence)[0] ?? shared?.items(sequence)[0] ?? dataSet;
  const count = Math.max(1, dataSet.number('NumberOfFrames') ?? 1, frames.length);
  return Array.from({ length: count }, (_, i) => macroOf(frames[i]));
}

export function pictureKindOf(dataSet: DataSet, macro: Macro): PictureKind {
  const frameType = [
    ...macro('MRImageFrameTypeSequence').strings('FrameType'),
    ...macro('CTImageFrameTypeSequence').strings('FrameType'),
  ];
  const type = frameType.length > 0 ? frameType : dataSet.strings('ImageType');
  const content = macro('FrameContentSequence');
  return said({
    type: type.slice(2).map((value) => value.toUpperCase()),
    echoTime: macro('MREchoSequence').number('EffectiveEchoTime') ?? dataSet.number('EchoTime'),
    echoNumber: dataSet.number('EchoNumbers'),
    bValue: macro('MRDiffusionSequence').number('DiffusionBValue') ?? dataSet.number('DiffusionBValue'),
    temporalPosition: content.number('TemporalPositionIndex') ?? dataSet.number('TemporalPositionIdentifier'),
    dimensions: dimensionsOf(dataSet, content),
  });
}

/** Place and time, which are read from their own elements: stacks, positions, temporal positions. */
const PLACE_AND_TIME: readonly number[] = [
  0x00200032, 0x00200037, 0x00209056, 0x00209057, 0x00209111, 0x00209113, 0x00209116, 0x00209128, 0x00209241,
];

function dimensionsOf(dataSet: DataSet, content: DataSet): string {
  const values = content.numbersOf('DimensionIndexValues');
  if (values.length === 0) return '';
  const pointers = dataSet
    .items('DimensionIndexSequence')
    .map((item) => item.number('DimensionIndexPointer'));
  return values
    .filter((_, i) => pointers[i] !== undefined && !PLACE_AND_TIME.includes(pointers[i]!))
    .join('.');
}

/** The same text for the same kind. */
export function kindKey({
  type,
  echoTime,
  echoNumber,
  bValue,
  temporalPosition,
  dimensions,
}: PictureKind): string {
  const echo = echoTime === undefined ? '' : Math.round(echoTime);
  return [echo, echoNumber, bValue, temporalPosition, dimensions, ...type]
    .map((each) => each ?? '')
    .join('|');
}

/** What of a Dixon a picture is, by the words of the standard (PS3.3 C.8.13.3.1.1) and of the vendors. */
const DIXON = {
  IN_PHASE: ['IN_PHASE', 'INPHASE', 'IP', 'IN'],
  WATER: ['WATER', 'W'],
  OUT_PHASE: ['OUT_PHASE', 'OUTPHASE', 'OPP_PHASE', 'OPPOSED_PHASE', 'OPP', 'OP', 'OUT'],
  FAT: ['FAT', 'F'],
  FRACTION: ['FAT_FRACTION', 'FATFRACTION', 'FF', 'WATER_FRACTION', 'R2_STAR', 'T2_STAR', 'B0'],
} as const;

export type Dixon = keyof typeof DIXON;

/** @param types ImageType's values from the third on; the last that says it counts, for some write a general one before */
export function dixonOfTypes(types: readonly string[]): Dixon | null {
  const names = Object.keys(DIXON) as Dixon[];
  const nameOf = (value: string) => names.find((name) => (DIXON[name] as readonly string[]).includes(value));
  const last = types.findLast((value) => nameOf(value) !== undefined);
  return last === undefined ? null : nameOf(last)!;
}

/** In words, for who reads what was chosen: `WATER, echo 102 ms`. */
export function kindName(kind: PictureKind): string {
  const said = [
    dixonOfTypes(kind.type),
    kind.echoTime === undefined ? null : `echo ${Math.round(kind.echoTime)} ms`,
    kind.echoTime === undefined && kind.echoNumber !== undefined ? `echo ${kind.echoNumber}` : null,
    kind.bValue === undefined ? null : `b ${kind.bValue}`,
    kind.temporalPosition === undefined ? null : `time ${kind.temporalPosition}`,
  ].filter((each) => each !== null);
  return said.length > 0 ? said.join(', ') : kind.type.join(' ') || 'no kind';
}

/** Pictures of another sort than the signal itself come after all others. */
const NOT_MAGNITUDE: readonly string[] = [
  'P',
  'PHASE',
  'R',
  'REAL',
  'I',
  'IMAGINARY',
  'ADC',
  'FA',
  'T1_MAP',
  'T2_MAP',
];
/** In phase is T2 without fat suppression, water is with it; fat shows no disc. */
const DIXON_RANK: Readonly<Record<Dixon, number>> = {
  IN_PHASE: 0,
  WATER: 1,
  OUT_PHASE: 2,
  FAT: 3,
  FRACTION: 4,
};

/**
 * Which of two kinds the discs are read on: magnitude, then in-phase or water, then the least diffusion weighting, then
 * the longest echo, then the first in time. Negative when `a` comes first.
 */
export function byContrast(a: PictureKind, b: PictureKind): number {
  const rank = (kind: PictureKind) => DIXON_RANK[dixonOfTypes(kind.type) ?? 'IN_PHASE'];
  const isMap = (kind: PictureKind) => Number(kind.type.some((value) => NOT_MAGNITUDE.includes(value)));
  return (
    isMap(a) - isMap(b) ||
    rank(a) - rank(b) ||
    (a.bValue ?? 0) - (b.bValue ?? 0) ||
    (b.echoTime ?? 0) - (a.echoTime ?? 0) ||
    (b.echoNumber ?? 0) - (a.echoNumber ?? 0) ||
    (a.temporalPosition ?? 0) - (b.temporalPosition ?? 0)
  );
}
