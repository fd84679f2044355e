import { z } from 'zod';
import { cross, dot, length, scale, type Vector, vector } from '../../agent/dicom/geometry.js';
import { CalcidiscError } from '../../agent/domain/errors.js';

/**
 * 3D Slicer's markups file (.mrk.json, markups-schema-v1.0.0 to 1.0.3 of Slicer's Markups module), as far as a box
 * goes. Whatever else a scene holds (points, curves) is passed over, and counted.
 */
export interface MarkupBox {
  /** From 1, as it stands in the file. */
  readonly number: number;
  /** Name and descriptions: what a person wrote. */
  readonly texts: readonly string[];
  /** Slicer makes these from the name that the box had when it was drawn, and does not change them with it. */
  readonly pointLabels: readonly string[];
  readonly box: Box;
}

/** A box in the patient's frame: LPS, millimetres. */
export interface Box {
  readonly centre: Vector;
  /** Unit vectors of its sides, perpendicular to each other. */
  readonly axes: readonly [Vector, Vector, Vector];
  /** Whole lengths of the sides, in the order of the axes. */
  readonly sizeMm: Vector;
}

export type CoordinateSystem = 'LPS' | 'RAS';

const Numbers = (count: number) => z.array(z.number()).length(count);
const ControlPoint = z.object({
  label: z.string().default(''),
  description: z.string().default(''),
  position: Numbers(3).optional(),
});
const Roi = z.object({
  type: z.literal('ROI'),
  name: z.string().default(''),
  description: z.string().default(''),
  coordinateSystem: z.enum(['LPS', 'RAS']).default('LPS'),
  coordinateUnits: z.union([z.string(), z.array(z.string()).min(1)]).default('mm'),
  roiType: z.string().default('Box'),
  insideOut: z.boolean().default(false),
  center: Numbers(3).optional(),
  size: Numbers(3),
  /** Row by row; its columns are the box's axes: [o0, o3, o6] is x. */
  orientation: Numbers(9).default([1, 0, 0, 0, 1, 0, 0, 0, 1]),
  controlPoints: z.array(ControlPoint).default([]),
});
const File = z.object({
  '@schema': z
    .string()
    .regex(/markups-(schema-)?v1\.0\.\d+/, 'is not a 3D Slicer markups schema, version 1.0'),
  markups: z.array(z.looseObject({ type: z.string() })).min(1, 'holds no markup'),
});

const MM_PER_UNIT: Readonly<Record<string, number>> = { mm: 1, um: 0.001 };
/** Slicer writes 16 digits; people who write such files themselves, fewer. */
const UNIT_TOLERANCE = 0.01;

export interface MarkupsFile {
  readonly boxes: readonly MarkupBox[];
  /** Types of what was passed over, 'Fiducial' … */
  readonly others: readonly string[];
}

/**
 * @param where names the file in messages
 * @throws CalcidiscError MARKUP_INVALID naming the markup and what is wrong with it
 */
export function parseMarkups(text: string, where: string): MarkupsFile {
  const file = parsed(File, readJson(text, where), where);
  const numbered = file.markups.map((markup, i) => ({ markup, number: i + 1 }));
  const boxes = numbered
    .filter(({ markup }) => markup.type === 'ROI')
    .map(({ markup, number }) => boxOf(markup, number, `${where}, markup ${number}`));
  const others = file.markups.filter(({ type }) => type !== 'ROI').map(({ type }) => type);
  if (boxes.length === 0)
    throw invalid(
      where,
      `it holds no ROI, only ${[...new Set(others)].join(', ')}: draw with Slicer's ROI tool`,
    );
  return { boxes, others };
}

function readJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(where, `it is no JSON: ${(cause as Error).message}`);
  }
}

function boxOf(markup: unknown, number: number, where: string): MarkupBox {
  const roi = parsed(Roi, markup, where);
  if (roi.roiType !== 'Box') throw invalid(where, `its roiType is ${roi.roiType}: only Box is read`);
  if (roi.insideOut) throw invalid(where, 'it is inside out: it means everything but the box');
  const unit = [roi.coordinateUnits].flat()[0]!;
  const perUnit = MM_PER_UNIT[unit];
  if (perUnit === undefined) throw invalid(where, `its coordinateUnits are ${unit}, not mm or um`);
  const centre = roi.center ?? roi.controlPoints[0]?.position;
  if (!centre) throw invalid(where, 'it has neither center nor a control point with a position');
  if (roi.size.some((side) => side < 0)) throw invalid(where, 'its size is negative');
  const toLps = (v: Vector): Vector => (roi.coordinateSystem === 'RAS' ? [-v[0], -v[1], v[2]] : v);
  // Row by row of the file: an axis is a column.
  const axisAt = (i: number) =>
    toLps([roi.orientation[i]!, roi.orientation[3 + i]!, roi.orientation[6 + i]!]);
  return {
    number,
    texts: written([roi.name, roi.description, ...roi.controlPoints.map(({ description }) => description)]),
    pointLabels: written(roi.controlPoints.map(({ label }) => label)).filter(
      (label) => !isNumbered(label, roi.name),
    ),
    box: {
      centre: scale(toLps(vector(centre)), perUnit),
      axes: squared([axisAt(0), axisAt(1), axisAt(2)], where),
      sizeMm: scale(vector(roi.size), perUnit),
    },
  };
}

function written(texts: readonly string[]): string[] {
  return texts.filter((text) => text.trim() !== '');
}

/** labelFormat %N-%d: the name again, and the point's number, which is no vertebra. */
function isNumbered(text: string, name: string): boolean {
  return name !== '' && text.startsWith(`${name}-`) && /^\d+$/.test(text.slice(name.length + 1));
}

function squared(axes: readonly [Vector, Vector, Vector], where: string): Box['axes'] {
  const [x, y, z] = axes;
  const isUnit = axes.every((axis) => Math.abs(length(axis) - 1) <= UNIT_TOLERANCE);
  const isSquare = Math.abs(dot(z, cross(x, y))) >= 1 - 3 * UNIT_TOLERANCE;
  if (isUnit && isSquare) return axes;
  throw invalid(where, 'its orientation is no three perpendicular unit vectors');
}

function parsed<T extends z.ZodType>(schema: T, value: unknown, where: string): z.output<T> {
  const result = schema.safeParse(value);
  if (!result.success) throw invalid(where, z.prettifyError(result.error));
  return result.data;
}

export function invalid(where: string, problem: string): CalcidiscError {
  return new CalcidiscError('MARKUP_INVALID', `${where}: ${problem}`);
}

const SCHEMA =
  'https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/markups-schema-v1.0.3.json#';

/** The same as Slicer writes it, for a person to open and correct. */
export function markupsText(
  boxes: readonly { readonly name: string; readonly box: Box }[],
  coordinateSystem: CoordinateSystem = 'LPS',
): string {
  const toFile = (v: Vector): Vector => (coordinateSystem === 'RAS' ? [-v[0], -v[1], v[2]] : v);
  const markups = boxes.map(({ name, box }) => {
    const [x, y, z] = box.axes.map(toFile) as [Vector, Vector, Vector];
    const orientation = [0, 1, 2].flatMap((i) => [x[i]!, y[i]!, z[i]!]);
    const center = toFile(box.centre);
    const point = {
      id: '1',
      label: `${name}-1`,
      description: '',
      associatedNodeID: '',
      position: center,
      orientation,
    };
    return {
      type: 'ROI',
      name,
      coordinateSystem,
      coordinateUnits: 'mm',
      locked: false,
      fixedNumberOfControlPoints: false,
      labelFormat: '%N-%d',
      lastUsedControlPointNumber: 1,
      roiType: 'Box',
      center,
      orientation,
      size: box.sizeMm,
      insideOut: false,
      controlPoints: [
        { ...point, selected: true, locked: false, visibility: true, positionStatus: 'defined' },
      ],
      measurements: [],
    };
  });
  return `${JSON.stringify({ '@schema': SCHEMA, markups }, null, 4)}\n`;
}
