import assert from 'node:assert/strict';
import { buildOru, oruView } from '../../agent/report/hl7.js';
import { PLACEHOLDERS, parseOruTemplate } from '../../agent/report/oruTemplate.js';
import { reportInput } from './sample.js';

const MSH = 'MSH|^~\\&|{{controlId}}\n';

describe('report: a site’s own HL7 message', () => {
  const wrong: [what: string, text: string, said: RegExp][] = [
    [
      'a placeholder that is none',
      `${MSH}PID|{{patient.nmae}}`,
      /^t:2:5: \{\{patient\.nmae\}\} is no placeholder/,
    ],
    [
      'one that belongs into a section',
      `${MSH}OBX|{{setId}}`,
      /^t:2:5: \{\{setId\}\} is no placeholder here/,
    ],
    ['a section without an end', `${MSH}{{#notes}}\nNTE|{{text}}`, /^t:.*[Uu]nclosed section/],
    ['what would not be escaped', `${MSH}PID|{{{patient.name}}}`, /^t:2:5: .*could break out of its field/],
    ['a partial', `${MSH}{{> other}}`, /^t:2:1: .*is not for messages/],
    [
      'a line that is no segment',
      `${MSH}Hello {{accession}}`,
      /^t:2:1: a line begins with the name of its segment/,
    ],
    ['another beginning', `PID|1\n${MSH}`, /^t:1:1: a message begins with MSH/],
    ['no control id', 'MSH|^~\\&|x', /^t:1:1: MSH-10 has to be \{\{controlId\}\}/],
  ];
  for (const [what, text, said] of wrong)
    it(`is refused at its place: ${what}`, () =>
      assert.throws(() => parseOruTemplate(text, 't'), { code: 'TEMPLATE_INVALID', message: said }));

  it('may name what there is, and nothing else', () => {
    const parties = {
      sendingApplication: '',
      sendingFacility: '',
      receivingApplication: '',
      receivingFacility: '',
      processing: 'P',
    } as const;
    const { patient, ...view } = oruView(reportInput(), parties);
    const names = [...Object.keys(view), ...Object.keys(patient).map((name) => `patient.${name}`)];
    assert.deepEqual(PLACEHOLDERS['']!.toSorted(), names.toSorted());
    for (const section of ['notes', 'levels', 'observations'] as const)
      assert.deepEqual(PLACEHOLDERS[section]!.toSorted(), Object.keys(view[section][0]!).toSorted());
  });

  it('lets nothing break out of a field, and leaves empty fields at the end away', () => {
    const template = parseOruTemplate(
      `${MSH}{{! a remark }}\nPID|{{patient.id}}|{{patient.name}}|{{patient.sex}}||\n{{#levels}}\nZAI|{{level}}|{{result}}|{{percent}}\n{{/levels}}\n`,
      't',
    );
    const parties = {
      sendingApplication: '',
      sendingFacility: '',
      receivingApplication: '',
      receivingFacility: '',
      processing: 'P',
    } as const;
    const patient = { ...reportInput().patient, id: 'a|b\rZZZ|1', sex: '' };
    const text = buildOru(reportInput({ patient }), parties, { template });
    const lines = text.split('\r');
    assert.equal(lines[1], 'PID|a\\F\\b\\.br\\ZZZ\\F\\1|Doe^Jane^^^^^L^A');
    assert.deepEqual(lines.slice(2, 4), ['ZAI|L1-L2|Absent|12.5', 'ZAI|L2-L3|Absent|12.5']);
    assert.equal(lines.length, 8);
  });
});
