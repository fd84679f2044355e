import type { Code } from '../dicom/levels.js';
import type { DataSet } from './content.js';
import { readPart10 } from './part10.js';
import { invalid } from './values.js';

/** One content item as it was read back. */
export interface TreeNode {
  /** '' for the root. */
  readonly relationship: string;
  readonly valueType: string;
  readonly concept: Code | null;
  /** The value in words: text, meaning, number with unit, UID of the image, points of the outline. */
  readonly value: string;
  /** CODE: the coded value. */
  readonly code: Code | null;
  /** NUM: the number, as DS says it, and its unit; null when the item carries no value. */
  readonly measured: { readonly value: number; readonly unit: Code } | null;
  /** SCOORD: [column, row] pairs, PS3.3 C.18.6. */
  readonly points: readonly (readonly [number, number])[];
  /** CONTAINER: the PS3.16 template it follows. */
  readonly template: string | null;
  readonly children: readonly TreeNode[];
}

export interface ReadReport {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly preliminary: boolean;
  readonly verified: boolean;
  readonly completion: string;
  readonly predecessors: readonly string[];
  readonly root: TreeNode;
  /** The whole data set by keyword. */
  readonly dataset: DataSet;
}

/** Reads any Structured Report of a DICOM Part 10 file. @throws CalcidiscError REPORT_INVALID when it is none */
export function readReport(file: Uint8Array): ReadReport {
  const dataset = read(file);
  if (dataset.ValueType !== 'CONTAINER') throw invalid('the file is no Structured Report');
  return {
    sopClassUid: textOf(dataset.SOPClassUID),
    sopInstanceUid: textOf(dataset.SOPInstanceUID),
    seriesInstanceUid: textOf(dataset.SeriesInstanceUID),
    studyInstanceUid: textOf(dataset.StudyInstanceUID),
    preliminary: dataset.PreliminaryFlag === 'PRELIMINARY',
    verified: dataset.VerificationFlag === 'VERIFIED',
    completion: textOf(dataset.CompletionFlag),
    predecessors: predecessorsOf(dataset),
    root: nodeOf(dataset),
    dataset,
  };
}

function read(file: Uint8Array): DataSet {
  try {
    return readPart10(file);
  } catch (cause) {
    throw invalid(`the file cannot be read as DICOM: ${(cause as Error).message}`);
  }
}

/**
 * The report as an indented tree of text, one item a line; images of a library beyond `maxImages` are counted.
 * Holds no patient's name.
 */
export function renderReport(report: ReadReport, { maxImages = 3 } = {}): string {
  const state = `${report.preliminary ? 'preliminary' : 'final'}, ${report.verified ? 'verified' : 'unverified'}`;
  const template = report.root.template ? `TID ${report.root.template}, ` : '';
  const amends = report.predecessors.map((uid) => `amends ${uid}`);
  const head = `${report.root.concept?.meaning ?? 'Structured Report'} (${template}${state}, ${report.completion.toLowerCase()})`;
  return [head, ...amends, ...branches(report.root.children, '', maxImages)].join('\n');
}

function branches(nodes: readonly TreeNode[], indent: string, maxImages: number): string[] {
  const shown = fewerImages(nodes, maxImages);
  return shown.flatMap((node, index) => {
    const last = index === shown.length - 1;
    const line = `${indent}${last ? '└─ ' : '├─ '}${lineOf(node)}`;
    return [line, ...branches(node.children, `${indent}${last ? '   ' : '│  '}`, maxImages)];
  });
}

/** Two hundred CT images in a row tell a reader nothing: the first few, and how many there are. */
function fewerImages(nodes: readonly TreeNode[], maxImages: number): readonly TreeNode[] {
  const images = nodes.filter((node) => node.valueType === 'IMAGE');
  if (images.length <= maxImages) return nodes;
  const hidden = new Set(images.slice(maxImages));
  const rest = { ...images[maxImages]!, value: `... and ${hidden.size} more images`, children: [] };
  return [...nodes.filter((node) => !hidden.has(node)), rest];
}

function lineOf(node: TreeNode): string {
  const name = node.concept?.meaning ?? (node.valueType === 'IMAGE' ? 'Image' : node.valueType);
  return node.value === '' ? name : `${name}: ${node.value}`;
}

function nodeOf(item: DataSet): TreeNode {
  const valueType = textOf(item.ValueType);
  return {
    relationship: textOf(item.RelationshipType),
    valueType,
    concept: codeOf(item.ConceptNameCodeSequence),
    value: VALUE_TEXT[valueType]?.(item) ?? '',
    code: codeOf(item.ConceptCodeSequence),
    measured: measuredOf(item),
    points: pointsOf(item),
    template: textOf(first(item.ContentTemplateSequence)?.TemplateIdentifier) || null,
    children: itemsOf(item.ContentSequence).map(nodeOf),
  };
}

/** How the value of each type (PS3.3 table C.17.3-7) reads in words. */
const VALUE_TEXT: Readonly<Record<string, (item: DataSet) => string>> = {
  CODE: (item) => codeOf(item.ConceptCodeSequence)?.meaning ?? '',
  TEXT: (item) => textOf(item.TextValue),
  UIDREF: (item) => textOf(item.UID),
  DATE: (item) => textOf(item.Date).replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3'),
  TIME: (item) => textOf(item.Time),
  DATETIME: (item) => textOf(item.DateTime),
  NUM: (item) => {
    const measured = measuredOf(item);
    return measured
      ? `${measured.value} ${UNIT_TEXT[measured.unit.value] ?? measured.unit.value}`
      : 'no value';
  },
  IMAGE: (item) => textOf(first(item.ReferencedSOPSequence)?.ReferencedSOPInstanceUID),
  SCOORD: (item) =>
    `${textOf(item.GraphicType).toLowerCase()} ${pointsOf(item)
      .map(([column, row]) => `(${round(column)}, ${round(row)})`)
      .join(' ')}`,
};

const UNIT_TEXT: Readonly<Record<string, string>> = { "[hnsf'U]": 'HU' };

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function measuredOf(item: DataSet): TreeNode['measured'] {
  const measured = first(item.MeasuredValueSequence);
  const unit = codeOf(measured?.MeasurementUnitsCodeSequence);
  return measured === null || unit === null ? null : { value: Number(single(measured.NumericValue)), unit };
}

function pointsOf(item: DataSet): [number, number][] {
  const data = (item.GraphicData as readonly number[] | undefined) ?? [];
  return Array.from({ length: data.length >> 1 }, (_, index) => [data[2 * index]!, data[2 * index + 1]!]);
}

function predecessorsOf(dataset: DataSet): string[] {
  return itemsOf(dataset.PredecessorDocumentsSequence)
    .flatMap((study) => itemsOf(study.ReferencedSeriesSequence))
    .flatMap((series) => itemsOf(series.ReferencedSOPSequence))
    .map((reference) => textOf(reference.ReferencedSOPInstanceUID));
}

function codeOf(sequence: unknown): Code | null {
  const item = first(sequence);
  if (item === null) return null;
  return {
    value: textOf(item.CodeValue ?? item.LongCodeValue),
    scheme: textOf(item.CodingSchemeDesignator),
    meaning: textOf(item.CodeMeaning),
  };
}

/** dcmjs reads a sequence as an array with proxies: copied into a plain one. */
function itemsOf(sequence: unknown): DataSet[] {
  return Array.isArray(sequence) ? Array.from(sequence, (item) => item as DataSet) : [];
}

function first(sequence: unknown): DataSet | null {
  return itemsOf(sequence)[0] ?? null;
}

function single(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : value;
}

function textOf(value: unknown): string {
  const one = single(value);
  return one === undefined || one === null ? '' : String(one);
}
