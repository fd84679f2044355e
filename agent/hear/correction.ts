import type { DataSet } from '../dicom/elements.js';
import { parsePart10 } from '../dicom/parse.js';
import type { ReaderBox } from '../domain/readerVerdicts.js';
import { readReport, type TreeNode } from '../report/tree.js';

/** A measurement of somebody's Structured Report (TID 1410, or what viewers write for one). */
export interface Measurement {
  /** '' where it has none. */
  readonly trackingUid: string;
  /** Its first comment, which viewers show and let people write as the label; '' without one. */
  readonly words: string;
  /** CodeValue of its finding, or of its finding site where it has no finding; '' without one. */
  readonly findingCode: string;
  /** CodeValue of what is said of calcification (18115005 SCT); '' without it. */
  readonly resultCode: string;
  /** What its outline covers; null without one. */
  readonly box: ReaderBox | null;
  /** The image it is drawn on; '' without one. */
  readonly image: string;
}

/** What a document that may correct a report of ours says. */
export interface Correction {
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly predecessors: readonly string[];
  /** A person's name as the document has it; '' where it names nobody. */
  readonly reader: string;
  /** Made by a program for itself, and named by no person: no reader has said it. */
  readonly isOfDevice: boolean;
  readonly measurements: readonly Measurement[];
}

/** @throws CalcidiscError NOT_DICOM, REPORT_INVALID for what is no Structured Report */
export function readCorrection(file: Uint8Array): Correction {
  const { root, sopInstanceUid, studyInstanceUid, predecessors } = readReport(file);
  const groups = childrenOf(root, '126010').flatMap((each) => childrenOf(each, '125007'));
  const { dataSet } = parsePart10(file);
  const reader = readerOf(dataSet);
  return {
    sopInstanceUid,
    studyInstanceUid,
    predecessors,
    reader,
    isOfDevice: reader === '' && childrenOf(root, '121005').some(({ code }) => code?.value === '121007'),
    measurements: groups.map(measurementOf),
  };
}

function measurementOf(group: TreeNode): Measurement {
  const text = (code: string) => childrenOf(group, code)[0]?.value ?? '';
  const code = (concept: string) => childrenOf(group, concept)[0]?.code?.value ?? '';
  const outline = outlineIn(group);
  return {
    trackingUid: text('112040'),
    words: text('121106').trim(),
    findingCode: code('121071') || code('363698007'),
    resultCode: code('18115005'),
    box: outline ? boxAround(outline.points) : null,
    image: outline?.children.find(({ valueType }) => valueType === 'IMAGE')?.value ?? '',
  };
}

/** The group's own region, else one that a value was read from: OHIF writes it there alone. */
function outlineIn(group: TreeNode): TreeNode | undefined {
  const isOutline = ({ valueType, points }: TreeNode) => valueType === 'SCOORD' && points.length > 1;
  return group.children.find(isOutline) ?? group.children.flatMap(({ children }) => children).find(isOutline);
}

function boxAround(points: TreeNode['points']): ReaderBox {
  const columns = points.map(([column]) => column);
  const rows = points.map(([, row]) => row);
  return [Math.min(...columns), Math.min(...rows), Math.max(...columns), Math.max(...rows)];
}

function childrenOf(node: TreeNode, concept: string): TreeNode[] {
  return node.children.filter((child) => child.concept?.value === concept);
}

/** Who verified it (PS3.3 C.17.2), else its observer (TID 1003), else its author. A viewer's placeholder is nobody. */
function readerOf(dataSet: DataSet): string {
  const names = [
    ...dataSet.items('VerifyingObserverSequence').map((item) => item.text('VerifyingObserverName')),
    ...dataSet
      .items('ContentSequence')
      .filter((item) => item.items('ConceptNameCodeSequence')[0]?.string('CodeValue') === '121008')
      .map((item) => item.text('PersonName')),
    ...dataSet.items('AuthorObserverSequence').map((item) => item.text('PersonName')),
  ];
  return names.find((name) => name !== null && !/^(unknown|anonymous)?(\^(unknown)?)*$/i.test(name)) ?? '';
}
