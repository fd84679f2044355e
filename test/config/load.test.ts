import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig, parseConfig } from '../../config/load.js';

const refused = (pattern: RegExp) => (error: unknown) =>
  error instanceof ConfigError && pattern.test(error.message);

describe('config', () => {
  it('runs with none at all', () => {
    const config = loadConfig({});
    assert.equal(config.pair.windowDays, 28);
    assert.equal(config.reference.huLow, 120.1);
    assert.equal(config.reference.huHigh, 383.7);
    assert.equal(config.locate.marginMm, 10);
  });
  it('the environment stands above the file, the file above the defaults', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'calcidisc-config-')), 'c.json');
    writeFileSync(file, JSON.stringify({ dicom: { port: 104, aeTitle: 'FILE' } }));
    const config = loadConfig({ CALCIDISC_DICOM_PORT: '4242', DATABASE_URL: 'postgres://x' }, file);
    assert.deepEqual(
      [config.dicom.port, config.dicom.aeTitle, config.database.url],
      [4242, 'FILE', 'postgres://x'],
    );
  });
  it('a misspelt key is refused by its name', () => {
    assert.throws(() => parseConfig({ dicom: { prot: 104 } }), refused(/prot/));
  });
  it('a wrong value is refused with the place where it stands', () => {
    assert.throws(() => parseConfig({ locate: { marginMm: 20 } }), refused(/locate\.marginMm/));
    assert.throws(() => parseConfig({ dicom: { aeTitle: 'SEVENTEEN_LETTERS' } }), refused(/dicom\.aeTitle/));
    assert.throws(() => loadConfig({ CALCIDISC_DICOM_PORT: 'abc' }), refused(/dicom\.port/));
  });
  it('a file that is not there, or no JSON, says which', () => {
    assert.throws(() => loadConfig({}, '/nowhere/c.json'), refused(/\/nowhere\/c\.json/));
  });
  it('an open listener on the network needs an allow list', () => {
    assert.throws(() => parseConfig({ dicom: { host: '0.0.0.0' } }), refused(/allowedCallingAEs/));
    assert.doesNotThrow(() => parseConfig({ dicom: { host: '0.0.0.0', allowedCallingAEs: ['ORTHANC'] } }));
  });
  it('an error names the environment variable that has set what is wrong', () => {
    const says = (environment: Record<string, string>, expected: RegExp) =>
      assert.throws(() => loadConfig(environment), expected);
    says({ CALCIDISC_CONFIG: '/nowhere.json' }, /\/nowhere\.json \(from CALCIDISC_CONFIG\): ENOENT/);
    says(
      { CALCIDISC_DICOM_HOST: '0.0.0.0' },
      /^ConfigError: dicom\.host \(from CALCIDISC_DICOM_HOST\) is 0\.0\.0\.0/,
    );
    says(
      { CALCIDISC_HTTP_PORT: '11112' },
      /dicom\.port and http\.port \(from CALCIDISC_HTTP_PORT\) are both 11112/,
    );
  });

  it('nobody can change it afterwards', () => {
    const config = parseConfig({});
    assert.throws(() => Object.assign(config.dicom, { port: 1 }), TypeError);
  });
});
