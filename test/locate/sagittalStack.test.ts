import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UNTOLD_KINDS } from '../../agent/dicom/stacks.js';
import { sagittalStack } from '../../agent/locate/sagittalStack.js';
import { readSeries } from '../../agent/locate/series.js';
import type { Elements } from '../dicom/writePart10.js';
import { type Drawn, writeEnhanced, writeSingles } from '../support/encoded.js';

const AS_IS = { slope: 1, intercept: 0 };
const SLICES = 5;

/** Small flat slices 4 mm apart, `kinds` at each place, all pixels the number of their kind. */
function drawn(kinds: number): Drawn[] {
  return Array.from({ length: kinds * SLICES }, (_, i) => ({
    plane: {
      origin: [(i % SLICES) * 4, 0, 0],
      along: [0, 1, 0],
      down: [0, 0, -1],
      spacingMm: [1, 1],
      rows: 4,
      columns: 4,
    },
    values: new Float32Array(16).fill(Math.floor(i / SLICES)),
  }));
}
const kindOf = (i: number) => Math.floor(i / SLICES);

describe('several kinds of pictures in one series', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'calcidisc-kinds-'));
  });
  after(async () => {
    await rm(folder, { recursive: true });
  });

  /** Which kind is read, and what is said. */
  async function read(files: readonly string[]) {
    const stack = sagittalStack(await readSeries(files));
    assert.ok(typeof stack !== 'string', String(stack));
    assert.equal(stack.slices.length, SLICES);
    const kinds = new Set(stack.slices.map(({ stored }) => stored[0]));
    assert.equal(kinds.size, 1, 'the stack is of one kind');
    return { kind: [...kinds][0], notes: stack.notes };
  }

  const type = (value: string): Elements => ({ ImageType: `DERIVED\\PRIMARY\\DIXON\\${value}` });
  for (const [name, kinds, best, said] of [
    ['water before fat', [type('FAT'), type('WATER')], 1, /WATER is read, not FAT/],
    ['in-phase before water', [type('WATER'), type('IN_PHASE'), type('OPP_PHASE')], 1, /IN_PHASE is read/],
    [
      'the longer echo, by EchoTime',
      [{ EchoTime: '102' }, { EchoTime: '15' }],
      0,
      /echo 102 ms is read, not echo 15 ms/,
    ],
    ['the later echo, by EchoNumbers', [{ EchoNumbers: '2' }, { EchoNumbers: '1' }], 0, /echo 2 is read/],
    [
      'no diffusion weighting before some',
      [800, 0, 400].map((b) => ({ DiffusionBValue: [b] })),
      1,
      /b 0 is read, not b (4|8)00; b (4|8)00/,
    ],
    [
      'the first in time',
      [{ TemporalPositionIdentifier: '2' }, { TemporalPositionIdentifier: '1' }],
      1,
      /time 1 is read/,
    ],
    [
      'magnitude before phase',
      [{ ImageType: 'ORIGINAL\\PRIMARY\\P' }, { ImageType: 'ORIGINAL\\PRIMARY\\M' }],
      1,
      /M is read, not P/,
    ],
  ] as const)
    it(name, async () => {
      const files = await writeSingles(folder, 'MR', drawn(kinds.length), AS_IS, (i) => kinds[kindOf(i)]!);
      for (const order of [files, files.toReversed()]) {
        const { kind, notes } = await read(order);
        assert.equal(kind, best);
        assert.ok(
          notes.some((note) => said.test(note)),
          notes.join(),
        );
      }
    });

  for (const [name, numbers] of [
    ['one kind after the other', (i: number) => i + 1],
    ['place by place', (i: number) => (i % SLICES) * 2 + kindOf(i) + 1],
  ] as const)
    it(`told apart by their numbers only, ${name}: two stacks, and a word of doubt`, async () => {
      const files = await writeSingles(folder, 'MR', drawn(2), AS_IS, (i) => ({
        InstanceNumber: String(numbers(i)),
      }));
      const { kind, notes } = await read(files);
      assert.equal(kind, 0);
      assert.ok(notes.includes(UNTOLD_KINDS), notes.join());
    });

  const frameType = (value: string): Elements => ({
    MRImageFrameTypeSequence: [{ FrameType: `DERIVED\\PRIMARY\\DIXON\\${value}` }],
  });
  const indexed = (stack: number, place: number, other: number): Elements => ({
    FrameContentSequence: [{ DimensionIndexValues: [stack, place, other] }],
  });
  /** Stack ID, place in the stack, and a vendor's own element. */
  const DIMENSIONS: Elements = {
    DimensionIndexSequence: [0x00209056, 0x00209057, 0x20051415].map((tag) => ({
      DimensionIndexPointer: tagBytes(tag),
    })),
  };
  for (const [name, perFrame, about, best] of [
    ['FrameType', (i: number) => frameType(kindOf(i) === 0 ? 'FAT' : 'WATER'), {}, 1],
    [
      'TemporalPositionIndex',
      (i: number): Elements => ({ FrameContentSequence: [{ TemporalPositionIndex: [2 - kindOf(i)] }] }),
      {},
      1,
    ],
    [
      'b-value',
      (i: number): Elements => ({ MRDiffusionSequence: [{ DiffusionBValue: [kindOf(i) * 500] }] }),
      {},
      0,
    ],
    ["a vendor's dimension", (i: number) => indexed(1, (i % SLICES) + 1, kindOf(i) + 1), DIMENSIONS, 0],
  ] as const)
    it(`frames of one object are told apart by ${name}`, async () => {
      const path = join(folder, 'enhanced.dcm');
      await writeEnhanced(path, 'MR', drawn(2), AS_IS, perFrame, about);
      const { kind, notes } = await read([path]);
      assert.equal(kind, best);
      assert.ok(!notes.includes(UNTOLD_KINDS), notes.join());
    });

  it('places by their dimension index are no kinds', async () => {
    const path = join(folder, 'places.dcm');
    await writeEnhanced(path, 'MR', drawn(1), AS_IS, (i) => indexed(1, i + 1, 1), DIMENSIONS);
    assert.deepEqual((await read([path])).notes, []);
  });
});

/** AT: group and element (PS3.5 6.2), little endian. */
function tagBytes(tag: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(tag >>> 16);
  bytes.writeUInt16LE(tag & 0xffff, 2);
  return bytes;
}
