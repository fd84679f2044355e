import assert from 'node:assert/strict';
import { isAllHere, openStudyCounts } from '../../agent/query/studyCounts.js';
import { parseConfig } from '../../config/load.js';
import { putInstance } from '../../db/tables/instances.js';
import { makeSeries } from '../support/cases.js';
import { quietLog, useDatabase } from '../support/database.js';
import { fileOf, smallObject } from '../support/dicomObject.js';
import { type RunningOrthanc, startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';

const series = (seriesInstanceUid: string, modality: string, instances: number | null) => ({
  seriesInstanceUid,
  modality,
  instances,
});

describe('whether all of a study is here, by what its source has', () => {
  it('our own reports and what is no picture are not waited for', () =>
    assert.ok(
      isAllHere([series('1', 'MR', 15), series('2', 'SR', 1), series('3', 'PR', 4)], new Map([['1', 15]])),
    ));

  it('a series that is not here, images that are missing, an unknown count: not whole', () => {
    const here = new Map([['1', 15]]);
    assert.ok(!isAllHere([series('1', 'MR', 15), series('2', 'MR', 20)], here));
    assert.ok(!isAllHere([series('1', 'MR', 16)], here));
    assert.ok(!isAllHere([series('1', 'MR', null)], here));
    assert.ok(!isAllHere([], here), 'a source that does not know the study says nothing');
  });

  describe('asked of a real PACS', () => {
    const db = useDatabase();
    let orthanc: RunningOrthanc;
    before(async function () {
      needsPeer(this, 'orthanc');
      orthanc = await startOrthanc();
    });
    after(async () => orthanc?.stop());

    it('whole when it has been the same for the grace, not before; not when more is there than here', async () => {
      const { knex } = db.database;
      const { studyInstanceUid, seriesInstanceUid } = await makeSeries(knex);
      const objects = Array.from({ length: 3 }, () => smallObject({ studyInstanceUid, seriesInstanceUid }));
      for (const object of objects) await orthanc.post('/instances', fileOf(object));
      for (const { sopInstanceUid, sopClassUid, transferSyntaxUid } of objects)
        await putInstance(knex, {
          sopInstanceUid,
          seriesInstanceUid,
          sopClassUid,
          transferSyntaxUid,
          instanceNumber: null,
          slicePositionMm: null,
          spoolPath: sopInstanceUid,
          sizeBytes: 1,
          datasetSha256: sopInstanceUid,
          callingAe: 'MR1',
          associationId: null,
          receivedAt: new Date(),
        });
      const source = { name: 'pacs', aeTitle: orthanc.aet, host: '127.0.0.1', port: orthanc.dicomPort };
      const config = parseConfig({
        query: { sources: [source] },
        assemble: { manyAssociationsGraceMs: 200 },
      });
      const counts = openStudyCounts({ config, database: db.database, log: quietLog });
      assert.equal(await counts.isWhole(studyInstanceUid), false, 'nothing is believed at its first word');
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal(await counts.isWhole(studyInstanceUid), true);
      await knex('instance').where({ sopInstanceUid: objects[0]!.sopInstanceUid }).delete();
      assert.equal(await counts.isWhole(studyInstanceUid), false);
      counts.close();
    });
  });
});
