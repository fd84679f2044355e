import type { DataSet } from '../dicom/elements.js';
import type { Keyword } from '../dicom/keywords.js';
import { parsePart10 } from '../dicom/parse.js';
import type { Code } from '../domain/code.js';
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
}

/** Reads any Structured Report of a DICOM Part 10 file. @throws CalcidiscError NOT_DICOM, REPORT_INVALID */
export function readReport(file: Uint8Array): ReadReport {
  const { dataSet } = parsePart10(file);
  if (dataSet.string('ValueType') !== 'CONTAINER') throw invalid('the file is no Structured Report');
  return {
    sopClassUid: textOf(dataSet, 'SOPClassUID'),
    sopInstanceUid: textOf(dataSet, 'SOPInstanceUID'),
    seriesInstanceUid: textOf(dataSet, 'SeriesInstanceUID'),
    studyInstanceUid: textOf(dataSet, 'StudyInstanceUID'),
    preliminary: dataSet.string('PreliminaryFlag') === 'PRELIMINARY',
    verified: dataSet.string('VerificationFlag') === 'VERIFIED',
    completion: textOf(dataSet, 'CompletionFlag'),
    predecessors: predecessorsOf(dataSet),
    root: nodeOf(dataSet),
  };
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
  const valueType = textOf(item, 'ValueType');
  const template = first(item, 'ContentTemplateSequence');
  return {
    relationship: textOf(item, 'RelationshipType'),
    valueType,
    concept: codeOf(item, 'ConceptNameCodeSequence'),
    value: VALUE_TEXT[valueType]?.(item) ?? '',
    code: codeOf(item, 'ConceptCodeSequence'),
    measured: measuredOf(item),
    points: pointsOf(item),
    template: template?.string('TemplateIdentifier') ?? null,
    children: item.items('ContentSequence').map(nodeOf),
  };
}

/** How the value of each type (PS3.3 table C.17.3-7) reads in words. A person's name is not shown. */
const VALUE_TEXT: Readonly<Record<string, (item: DataSet) => string>> = {
  CODE: (item) => codeOf(item, 'ConceptCodeSequence')?.meaning ?? '',
  TEXT: (item) => textOf(item, 'TextValue'),
  UIDREF: (item) => textOf(item, 'UID'),
  DATE: (item) => textOf(item, 'Date').replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3'),
  TIME: (item) => textOf(item, 'Time'),
  DATETIME: (item) => textOf(item, 'DateTime'),
  PNAME: () => '(a name)',
  NUM: (item) => {
    const measured = measuredOf(item);
    return measured
      ? `${measured.value} ${UNIT_TEXT[measured.unit.value] ?? measured.unit.value}`
      : 'no value';
  },
  IMAGE: referenceText,
  COMPOSITE: referenceText,
  SCOORD: (item) => {
    const points = pointsOf(item).map(([column, row]) => `(${round(column)}, ${round(row)})`);
    return `${textOf(item, 'GraphicType').toLowerCase()} ${points.join(' ')}`;
  },
};

const UNIT_TEXT: Readonly<Record<string, string>> = { "[hnsf'U]": 'HU' };

function referenceText(item: DataSet): string {
  return first(item, 'ReferencedSOPSequence')?.string('ReferencedSOPInstanceUID') ?? '';
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function measuredOf(item: DataSet): TreeNode['measured'] {
  const measured = first(item, 'MeasuredValueSequence');
  const value = measured?.number('NumericValue') ?? null;
  const unit = measured && codeOf(measured, 'MeasurementUnitsCodeSequence');
  return value === null || !unit ? null : { value, unit };
}

function pointsOf(item: DataSet): [number, number][] {
  const data = item.numbersOf('GraphicData');
  const pairs = Array.from({ length: data.length >> 1 }, (_, index) => [
    data[2 * index],
    data[2 * index + 1],
  ]);
  return pairs.filter((pair): pair is [number, number] => !pair.includes(null));
}

function predecessorsOf(dataSet: DataSet): string[] {
  return dataSet
    .items('PredecessorDocumentsSequence')
    .flatMap((study) => study.items('ReferencedSeriesSequence'))
    .flatMap((series) => series.items('ReferencedSOPSequence'))
    .map((reference) => textOf(reference, 'ReferencedSOPInstanceUID'));
}

function codeOf(item: DataSet, keyword: Keyword): Code | null {
  const code = first(item, keyword);
  if (!code) return null;
  return {
    value: code.string('CodeValue') ?? textOf(code, 'LongCodeValue'),
    scheme: textOf(code, 'CodingSchemeDesignator'),
    meaning: textOf(code, 'CodeMeaning'),
  };
}

function first(item: DataSet, keyword: Keyword): DataSet | undefined {
  return item.items(keyword)[0];
}

function textOf(item: DataSet, keyword: Keyword): string {
  return item.text(keyword) ?? '';
}
