import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { COMMAND_FIELDS } from '../../agent/dicom/dimse/commandSet.js';
import { dataPdu } from '../../agent/dicom/dimse/pdus.js';
import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { STATUSES } from '../../agent/dicom/statuses.js';
import { TRANSFER_SYNTAXES } from '../../agent/dicom/transferSyntaxes.js';
import { isUid } from '../../agent/dicom/uid.js';
import { smallObject } from '../support/dicomObject.js';
import { fuzz, type KeptSeed, readSeeds } from '../support/fuzz.js';
import { associateRequest, CT_CONTEXT, RawPeer, storePdus } from '../support/rawPeer.js';
import { type TestReceiver, testReceiver } from '../support/receiver.js';

const SYNTAXES = [
  'explicitVrLittleEndian',
  'implicitVrLittleEndian',
  'deflatedExplicitVrLittleEndian',
] as const;

/** A store under one syntax, from the association request to the last byte of the data set. */
const CONVERSATIONS = Object.fromEntries(SYNTAXES.map((name) => [name, conversationIn(name)])) as Readonly<
  Record<(typeof SYNTAXES)[number], Buffer>
>;
const SHORTEST = Math.min(...Object.values(CONVERSATIONS).map(({ length }) => length));

/** Elements of a command set that a peer may get wrong (PS3.7 E.1), and some that are none. */
const COMMAND_ELEMENTS = [
  0x0000, 0x0002, 0x0100, 0x0110, 0x0120, 0x0700, 0x0800, 0x0900, 0x1000, 0x5555,
] as const;

describe('fuzz: the protocol’s layers', function () {
  this.timeout(300_000);
  let receiver: TestReceiver;
  before(async () => {
    receiver = await testReceiver();
  });
  after(() => receiver.close());

  it('any change of any byte of a good conversation is survived', async () => {
    const change = fc.tuple(fc.nat(SHORTEST - 1), fc.nat(255));
    await fuzz(
      'changed bytes',
      fc.asyncProperty(
        fc.constantFrom(...SYNTAXES),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(SHORTEST),
        async (syntax, changes, cutAt) => {
          const bytes = Buffer.from(CONVERSATIONS[syntax]);
          for (const [at, value] of changes) bytes[at] = value;
          const peer = await RawPeer.connect(receiver.port);
          await untilClosed(peer, [bytes.subarray(0, cutAt), bytes.subarray(cutAt)]);
        },
      ),
    );
    await isInOrder(receiver);
  });

  it('any PDUs after an association are survived', async () => {
    const body = fc.array(fc.nat(255), { maxLength: 60 });
    const pdu = fc.record({ type: fc.nat(8), body });
    const pdv = fc.record({ context: fc.nat(3), isCommand: fc.boolean(), isLast: fc.boolean(), body });
    await fuzz(
      'any PDUs',
      fc.asyncProperty(fc.array(fc.oneof(pdu, pdv), { maxLength: 6 }), async (pdus) => {
        const peer = await RawPeer.associate(receiver.port);
        await untilClosed(peer, pdus.map(pduOf));
      }),
    );
    await isInOrder(receiver);
  });

  it('any command set, and any data set after it, are survived', async () => {
    const element = fc.record({
      element: fc.constantFrom(...COMMAND_ELEMENTS),
      value: fc.oneof(
        fc.array(fc.nat(255), { maxLength: 8 }),
        fc.constantFrom(...Object.values(COMMAND_FIELDS)),
        fc.constantFrom(SOP_CLASSES.ctImage.uid, '2.25.7', '../../etc', '1'.repeat(65)),
      ),
      /** What is added to the length it declares. */
      lies: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer() }),
    });
    const command = fc.record({
      elements: fc.array(element, { maxLength: 8 }),
      groupLengthLies: fc.oneof(
        { weight: 4, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer() },
      ),
      dataset: fc.array(fc.nat(255), { maxLength: 40 }),
    });
    await fuzz(
      'any commands',
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 3 }), async (commands) => {
        const peer = await RawPeer.associate(receiver.port, [CT_CONTEXT, VERIFICATION]);
        await untilClosed(peer, commands.flatMap(messageOf));
      }),
    );
    await isInOrder(receiver);
    for (const { sopInstanceUid } of receiver.seen.files) assert.ok(isUid(sopInstanceUid), sopInstanceUid);
  });

  it('what is kept is run first, and a new failure says what to keep', async () => {
    const kept: KeptSeed[] = [{ property: 'tried', why: 'it was zero', input: [0] }];
    const seen: number[] = [];
    const property = fc.asyncProperty(fc.integer(), async (value) => {
      seen.push(value);
      if (value > 1000) throw new Error('too much');
    });
    await assert.rejects(fuzz('tried', property, {}, kept), (error: Error) => {
      const line: KeptSeed = JSON.parse(error.message.split('\n')[1]!);
      assert.deepEqual([line.property, line.input], ['tried', [1001]]);
      kept.push({ ...line, why: 'a thousand and one' });
      return true;
    });
    assert.equal(seen[0], 0);
    await assert.rejects(fuzz('tried', property, {}, kept), /fails again: a thousand and one/);
  });

  it('what is kept belongs to a property, and says why', () => {
    const properties = new Set(['changed bytes', 'any PDUs', 'any commands']);
    for (const { property, why } of readSeeds()) {
      assert.ok(properties.has(property), property);
      assert.doesNotMatch(why, /^(TODO|$)/);
    }
  });
});

const VERIFICATION = {
  id: 3,
  abstractSyntaxUid: SOP_CLASSES.verification.uid,
  transferSyntaxUids: [TRANSFER_SYNTAXES.implicitVrLittleEndian.uid],
};

function conversationIn(name: (typeof SYNTAXES)[number]): Buffer {
  const isDeflated = name === 'deflatedExplicitVrLittleEndian';
  const object = smallObject(isDeflated ? {} : { syntax: name });
  const dataset = isDeflated ? deflateRawSync(object.dataset) : object.dataset;
  const context = { ...CT_CONTEXT, transferSyntaxUids: [TRANSFER_SYNTAXES[name].uid] };
  return Buffer.concat([associateRequest([context]), ...storePdus({ ...object, dataset })]);
}

type AnyPdu =
  | { readonly type: number; readonly body: readonly number[] }
  | {
      readonly context: number;
      readonly isCommand: boolean;
      readonly isLast: boolean;
      readonly body: readonly number[];
    };

function pduOf(pdu: AnyPdu): Buffer {
  const body = Buffer.from(pdu.body);
  if ('context' in pdu) return dataPdu(pdu.context, pdu.isCommand, pdu.isLast, body);
  const header = Buffer.from([pdu.type, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

interface AnyCommand {
  readonly elements: readonly {
    readonly element: number;
    readonly value: number | string | readonly number[];
    readonly lies: number;
  }[];
  readonly groupLengthLies: number;
  readonly dataset: readonly number[];
}

function messageOf({ elements, groupLengthLies, dataset }: AnyCommand): Buffer[] {
  const body = Buffer.concat(
    elements.map(({ element, value, lies }) => commandElement(element, bytesOf(value), lies)),
  );
  const groupLength = Buffer.alloc(4);
  groupLength.writeUInt32LE((body.length + groupLengthLies) >>> 0);
  const command = Buffer.concat([commandElement(0, groupLength, 0), body]);
  const pdus = [dataPdu(1, true, true, command)];
  return dataset.length === 0 ? pdus : [...pdus, dataPdu(1, false, true, Buffer.from(dataset))];
}

function bytesOf(value: number | string | readonly number[]): Buffer {
  if (typeof value === 'number') return Buffer.from([value & 0xff, value >> 8]);
  if (typeof value === 'string') return Buffer.from(value.length % 2 === 0 ? value : `${value}\0`, 'latin1');
  return Buffer.from(value);
}

function commandElement(element: number, value: Buffer, lies: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(element, 2);
  header.writeUInt32LE((value.length + lies) >>> 0, 4);
  return Buffer.concat([header, value]);
}

async function untilClosed(peer: RawPeer, pieces: readonly Buffer[]): Promise<void> {
  for (const piece of pieces) peer.send(piece);
  peer.socket.end();
  while ((await peer.next()) !== null);
}

/** The next sender is served, and nothing half lies in the spool. */
async function isInOrder(receiver: TestReceiver): Promise<void> {
  const peer = await RawPeer.associate(receiver.port);
  assert.equal((await peer.store(smallObject()))!.status, STATUSES.success.code);
  await peer.release();
  const left = () => readdir(join(receiver.spoolDir, 'incoming'));
  for (let i = 0; i < 500 && (await left()).length > 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual(await left(), []);
}
