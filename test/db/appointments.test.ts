import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { openAppointments } from '../../db/work/appointments.js';

describe('appointments', () => {
  it('one that is put off again and again comes due all the same, by planBy', async () => {
    const seen: string[] = [];
    const appointments = openAppointments({ work: async (key) => void seen.push(key) });
    for (let i = 0; i < 12; i++) {
      appointments.planBy('kept', 40);
      appointments.plan('put off', 40);
      await sleep(10);
    }
    assert.ok(seen.includes('kept'));
    assert.ok(!seen.includes('put off'));
    await appointments.close();
  });

  it('one that is planned sooner takes the place of a later one', async () => {
    const seen: string[] = [];
    const appointments = openAppointments({ work: async (key) => void seen.push(key) });
    appointments.planBy('a', 60_000);
    appointments.planBy('a', 1);
    await sleep(30);
    assert.deepEqual([seen, appointments.has('a')], [['a'], false]);
    await appointments.close();
  });
});
