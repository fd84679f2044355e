import { isUid } from '../dicom/uid.js';
import type { Code } from '../domain/code.js';
import type { InstanceReference } from './types.js';
import { formatDa, formatDs, invalid, longText, shortText } from './values.js';

/** Keyword -> value, as dcmjs writes it; a sequence is an array of these. */
export type DataSet = Readonly<Record<string, unknown>>;

/** PS3.3 C.17.3.2.4 */
export type Relationship =
  | 'CONTAINS'
  | 'HAS CONCEPT MOD'
  | 'HAS OBS CONTEXT'
  | 'HAS ACQ CONTEXT'
  | 'SELECTED FROM'
  | 'INFERRED FROM';

declare const made: unique symbol;
/** A content item (PS3.3 C.17.3), valid from construction: only the functions below make one. */
export type ContentItem = DataSet & { readonly [made]: true };

/** Templates of PS3.16 that a container says it follows. */
type Template = '1500' | '1410' | '1600' | '2010';

/** [column, row] in the image's own pixels: the top left corner of the top left pixel is [0, 0] (PS3.3 C.18.6). */
export type ImagePoint = readonly [column: number, row: number];

export function codeSequence(code: Code): readonly [DataSet] {
  return [
    {
      CodeValue: shortText('SH', code.value),
      CodingSchemeDesignator: shortText('SH', code.scheme),
      CodeMeaning: shortText('LO', code.meaning),
    },
  ];
}

export function checkedUid(value: string): string {
  if (!isUid(value)) throw invalid(`not a UID: ${JSON.stringify(value).slice(0, 80)}`);
  return value;
}

export function referencedSop({ sopClassUid, sopInstanceUid }: InstanceReference): DataSet {
  return {
    ReferencedSOPClassUID: checkedUid(sopClassUid),
    ReferencedSOPInstanceUID: checkedUid(sopInstanceUid),
  };
}

/** The root of the tree: a container that stands in no relationship. */
export function root(concept: Code, template: Template, children: readonly ContentItem[]): DataSet {
  return containerOf(concept, template, children);
}

export function container(
  concept: Code,
  template: Template | null,
  children: readonly ContentItem[],
): ContentItem {
  return item('CONTAINS', containerOf(concept, template, children));
}

export function text(relationship: Relationship, concept: Code, value: string): ContentItem {
  return item(relationship, { ValueType: 'TEXT', ...named(concept), TextValue: longText(value) });
}

export function code(relationship: Relationship, concept: Code, value: Code): ContentItem {
  return item(relationship, {
    ValueType: 'CODE',
    ...named(concept),
    ConceptCodeSequence: codeSequence(value),
  });
}

export function uidref(relationship: Relationship, concept: Code, uid: string): ContentItem {
  return item(relationship, { ValueType: 'UIDREF', ...named(concept), UID: checkedUid(uid) });
}

/** @param value YYYYMMDD or YYYY-MM-DD */
export function date(relationship: Relationship, concept: Code, value: string): ContentItem {
  const da = formatDa(value);
  if (da === '') throw invalid(`not a date: ${JSON.stringify(value)}`);
  return item(relationship, { ValueType: 'DATE', ...named(concept), Date: da });
}

/** A measured value with its unit: an item without a value is not built, it is left out (PS3.3 C.18.1). */
export function num(
  concept: Code,
  value: number,
  unit: Code,
  modifiers: readonly ContentItem[] = [],
): ContentItem {
  return item('CONTAINS', {
    ValueType: 'NUM',
    ...named(concept),
    MeasuredValueSequence: [
      { MeasurementUnitsCodeSequence: codeSequence(unit), NumericValue: formatDs(value) },
    ],
    ...childrenOf(modifiers),
  });
}

export function image(
  relationship: Relationship,
  reference: InstanceReference & { readonly frameNumber?: number },
): ContentItem {
  const { frameNumber } = reference;
  return item(relationship, {
    ValueType: 'IMAGE',
    ReferencedSOPSequence: [
      {
        ...referencedSop(reference),
        ...(frameNumber === undefined ? {} : { ReferencedFrameNumber: String(frameNumber) }),
      },
    ],
  });
}

/** An object that is no image: a document. */
export function composite(relationship: Relationship, reference: InstanceReference): ContentItem {
  return item(relationship, { ValueType: 'COMPOSITE', ReferencedSOPSequence: [referencedSop(reference)] });
}

/** A closed line through the points (the first is written again as the last), drawn on the image (PS3.3 C.18.6). */
export function polygon(
  relationship: Relationship,
  concept: Code,
  points: readonly ImagePoint[],
  on: InstanceReference & { readonly frameNumber?: number },
): ContentItem {
  const closed = [...points, points[0]!].flat();
  if (points.length < 3 || !closed.every(Number.isFinite)) throw invalid('a region without an outline');
  return item(relationship, {
    ValueType: 'SCOORD',
    ...named(concept),
    GraphicType: 'POLYLINE',
    GraphicData: closed,
    ...childrenOf([image('SELECTED FROM', on)]),
  });
}

function item(relationship: Relationship, dataset: DataSet): ContentItem {
  return { RelationshipType: relationship, ...dataset } as unknown as ContentItem;
}

function containerOf(concept: Code, template: Template | null, children: readonly ContentItem[]): DataSet {
  return {
    ValueType: 'CONTAINER',
    ...named(concept),
    ContinuityOfContent: 'SEPARATE',
    ...(template === null ? {} : templateOf(template)),
    ...childrenOf(children),
  };
}

function templateOf(identifier: Template): DataSet {
  return { ContentTemplateSequence: [{ MappingResource: 'DCMR', TemplateIdentifier: identifier }] };
}

function named(concept: Code): DataSet {
  return { ConceptNameCodeSequence: codeSequence(concept) };
}

/** An empty ContentSequence is no legal one: it is left out. */
function childrenOf(children: readonly ContentItem[]): DataSet {
  return children.length === 0 ? {} : { ContentSequence: children };
}
