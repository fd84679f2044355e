import assert from 'node:assert/strict';
import pino from 'pino';
import { startRefusals } from '../../agent/assemble/refusals.js';
import type { Refusal } from '../../agent/receive/types.js';
import { checkRefusals } from '../../cli/doctor/receiving.js';
import { listAudit } from '../../db/tables/audit.js';
import { listRefusals } from '../../db/tables/refusals.js';
import { useDatabase } from '../support/database.js';
import { associateRequest, CT_CONTEXT, RawPeer } from '../support/rawPeer.js';
import { testReceiver } from '../support/receiver.js';

const CAPTURE = '1.2.840.10008.5.1.4.1.1.7';
const JPEG_BASELINE = '1.2.840.10008.1.2.4.50';

const context = (callingAe: string, over: Partial<Refusal> = {}): Refusal => ({
  what: 'context',
  status: 'abstract syntax not supported',
  reason: '',
  callingAe,
  remoteAddress: '10.0.0.7',
  sopClassUid: CAPTURE,
  ...over,
});

describe('assemble: nothing is refused in silence', () => {
  const db = useDatabase();
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const tell = async (...refusals: readonly Refusal[]) => {
    const open = startRefusals({ database: db.database, log });
    for (const each of refusals) open.refused(each);
    await open.close();
  };
  const counted = async (callingAe: string) =>
    (await listRefusals(db.database.knex))
      .filter((row) => row.callingAe === callingAe)
      .map(({ what, sopClassUid, status, count }) => [what, sopClassUid, status, count]);

  it('a context is counted each time, logged once by sender and class, and once on the trail', async () => {
    lines.length = 0;
    await tell(context('A'), context('A'), context('B'), context('A', { sopClassUid: '1.2.3' }));
    await tell(context('A'));
    assert.deepEqual((await counted('A')).toSorted(), [
      ['context', '1.2.3', 'abstract syntax not supported', 1],
      ['context', CAPTURE, 'abstract syntax not supported', 3],
    ]);
    assert.equal(lines.length, 4, 'one line of each kind in each run');
    const events = await listAudit(db.database.knex, 'sopClass', CAPTURE);
    assert.deepEqual(events.map(({ event, actor }) => `${event} ${actor}`).toSorted(), [
      'CONTEXT_REFUSED ae:A',
      'CONTEXT_REFUSED ae:B',
    ]);
  });

  it('objects and associations stand on the trail each time', async () => {
    const object = {
      what: 'object',
      status: 'C000',
      reason: 'the data set is empty',
      sopInstanceUid: '1.2.9',
    } as const;
    const stranger = {
      what: 'association',
      status: 'calling AE title not recognised',
      reason: 'no',
    } as const;
    await tell(context('C', object), context('C', object), context('C', { ...stranger, sopClassUid: '' }));
    assert.deepEqual((await counted('C')).map(([what, , , count]) => [what, count]).toSorted(), [
      ['association', 1],
      ['object', 2],
    ]);
    assert.equal((await listAudit(db.database.knex, 'instance', '1.2.9')).length, 2);
  });

  it('what cannot be written down yet is not lost', async () => {
    const { knex } = db.database;
    await knex.raw('ALTER TABLE refusal RENAME TO refusal_away');
    const open = startRefusals({ database: db.database, log });
    open.refused(context('D'));
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await knex.raw('ALTER TABLE refusal_away RENAME TO refusal');
    open.refused(context('D'));
    await open.close();
    assert.deepEqual((await counted('D'))[0]?.at(-1), 2);
  });

  it('doctor says who was refused what, and what to do', async () => {
    await tell(context('E'));
    const { verdict, detail, advice } = await checkRefusals(db.database);
    assert.equal(verdict, 'warning');
    assert.match(detail, /context Secondary Capture Image Storage from E, 1 times/);
    assert.match(advice!, /dicom\.otherSopClasses/);
  });
});

describe('the receiver tells of every context it does not accept', () => {
  it('by class and reason, and takes what it can beside them', async () => {
    const receiver = await testReceiver({ otherSopClasses: 'refuse' });
    try {
      const peer = await RawPeer.connect(receiver.port);
      peer.send(
        associateRequest([
          CT_CONTEXT,
          { ...CT_CONTEXT, id: 3, abstractSyntaxUid: CAPTURE },
          { ...CT_CONTEXT, id: 5, transferSyntaxUids: [JPEG_BASELINE] },
        ]),
      );
      await peer.next();
      await peer.release();
      await receiver.ended(1);
      assert.deepEqual(
        receiver.seen.refusals.map(({ what, sopClassUid, status, reason, callingAe }) => [
          what,
          sopClassUid,
          status,
          reason,
          callingAe,
        ]),
        [
          ['context', CAPTURE, 'abstract syntax not supported', '', 'RAWPEER'],
          [
            'context',
            CT_CONTEXT.abstractSyntaxUid,
            'transfer syntaxes not supported',
            `offered only in ${JPEG_BASELINE}`,
            'RAWPEER',
          ],
        ],
      );
    } finally {
      await receiver.close();
    }
  });
});
