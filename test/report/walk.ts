import assert from 'node:assert/strict';
import dcmjs from 'dcmjs';
import { buildReport } from '../../agent/report/build.js';
import { readReport, type TreeNode } from '../../agent/report/tree.js';
import type { ReportInput } from '../../agent/report/types.js';
import { reportInput } from './sample.js';

/** Builds, writes and reads back: what a PACS would get. `dataset` is what another reader, dcmjs, makes of it. */
export function readBack(changes: Partial<ReportInput> = {}) {
  const { file } = buildReport(reportInput(changes));
  return { ...readReport(file), dataset: readWithDcmjs(file) };
}

function readWithDcmjs(file: Uint8Array): Record<string, unknown> {
  const { DicomMessage, DicomMetaDictionary } = dcmjs.data;
  return DicomMetaDictionary.naturalizeDataset(DicomMessage.readFile(file.slice().buffer).dict);
}

/** The children of a node with this concept code. */
export function all(node: TreeNode, codeValue: string): TreeNode[] {
  return node.children.filter((child) => child.concept?.value === codeValue);
}

export function one(node: TreeNode, codeValue: string): TreeNode {
  const found = all(node, codeValue);
  assert.equal(found.length, 1, `${found.length} items with concept ${codeValue}`);
  return found[0]!;
}

export function codeText(node: TreeNode): string {
  return `${node.code?.value} ${node.code?.scheme}`;
}

export function groups(root: TreeNode): TreeNode[] {
  return all(one(root, '126010'), '125007');
}

export function comments(root: TreeNode, codeValue = '121106'): string[] {
  return all(one(root, 'C0034375'), codeValue).map((node) => node.value);
}
