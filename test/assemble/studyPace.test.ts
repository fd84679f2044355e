import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { newUid } from '../../agent/dicom/uid.js';
import { findStudyPace } from '../../db/tables/senderPaces.js';
import { useDatabase } from '../support/database.js';
import { newSeries, openRig, type Rig, type Series, slices } from './rig.js';

/** By it the wait of a first report is shortened (agent/read/ready.ts). */
describe('how a sender sends studies is remembered', () => {
  const db = useDatabase();
  let rig: Rig;
  before(async () => {
    rig = await openRig(db);
  });
  after(() => rig?.close());

  const pace = (...senders: string[]) => findStudyPace(db.database.knex, senders);
  const second = (first: Series): Series => ({ ...first, seriesInstanceUid: newUid() });
  const bring = async (sender: string, ...series: readonly Series[]) => {
    await rig.bring(
      series.flatMap((each) => slices(each)),
      sender,
    );
    for (const each of series) await rig.complete(each);
  };

  it('nothing is known of one who has sent none', async () => {
    assert.deepEqual(await pace('NEW'), { studies: 0, gapMs: 0 });
  });

  it('two series over one association are no pause, and one study', async () => {
    const first = newSeries();
    await bring('ONE', first, second(first));
    assert.deepEqual(await pace('ONE'), { studies: 1, gapMs: 0 });
  });

  it('two associations are as long a pause as lay between them; studies in one go let it fade', async () => {
    const first = newSeries();
    await bring('TWO', first);
    await sleep(300);
    await bring('TWO', second(first));
    const { studies, gapMs } = await pace('TWO');
    assert.equal(studies, 1);
    assert.ok(gapMs >= 300, `${gapMs}`);
    await bring('TWO', newSeries());
    assert.deepEqual(await pace('TWO'), { studies: 2, gapMs: gapMs * 0.9 });
  });

  it('of a study of two senders the one less known counts', async () => {
    await bring('THREE', newSeries());
    assert.deepEqual(await pace('TWO', 'THREE'), { ...(await pace('TWO')), studies: 1 });
    assert.equal((await pace('TWO', 'NEW')).studies, 0);
  });
});
