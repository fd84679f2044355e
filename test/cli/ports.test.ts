import assert from 'node:assert/strict';
import { type AddressInfo, createServer } from 'node:net';
import { checkPorts } from '../../cli/doctor/ports.js';
import { parseConfig } from '../../config/load.js';
import { freePort } from '../support/dcmtk.js';

describe('the ports of every listener, before a start', () => {
  const found = async (settings: Parameters<typeof parseConfig>[0]) =>
    (await checkPorts(parseConfig(settings))).map(({ what, detail }) => `${what.split(' ')[0]}: ${detail}`);

  it('are free, and 0 is none', async () => {
    const [dicom, hl7] = [await freePort(), await freePort()];
    assert.deepEqual(
      await found({ dicom: { port: dicom }, http: { port: 0 }, hear: { hl7: { port: hl7 } } }),
      [],
    );
  });

  it('of which two are the same', async () => {
    const port = await freePort();
    const agents = { port, secretFile: '/s', address: 'http://a:1' };
    assert.deepEqual(await found({ dicom: { port }, http: { port: 0 }, agents }), [
      'listener: the DICOM listener has that port',
    ]);
    assert.deepEqual(await found({ dicom: { port: 0 }, http: { port }, hear: { hl7: { port } } }), [
      'HL7: the page has that port',
    ]);
  });

  it('of which one is taken: HL7 and the other agents’ too', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((ready) => server.once('listening', ready));
    const { port } = server.address() as AddressInfo;
    try {
      const rest = { dicom: { port: 0 }, http: { port: 0 } };
      assert.deepEqual(await found({ ...rest, hear: { hl7: { port } } }), ['HL7: the port is taken']);
      const agents = { port, secretFile: '/s', address: 'http://a:1' };
      assert.deepEqual(await found({ ...rest, agents }), ['listener: the port is taken']);
      assert.deepEqual(await found({ ...rest, agents: { port } }), [], 'nobody listens there');
    } finally {
      server.close();
    }
  });
});
