import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseCsv } from '../../../models/evaluation/csv.js';
import { parseLabels, parseReaders } from '../../../models/evaluation/dataset.js';

const HEADER = 'file,patient,site,level,label,age,sex,bmi,hu';
const invalid = (message: RegExp) => ({ code: 'DATASET_INVALID', message });

describe('tables of labels', () => {
  it('come back from their CSV, whatever stands in the values', () => {
    const value = fc.string({
      unit: fc.constantFrom('a', '"', ',', '\n', '\r\n', ' x', ';', 'é'),
      maxLength: 8,
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { maxLength: 5 }), (rows) => {
        const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;
        const text = ['one,two', ...rows.map((row) => row.map(quote).join(','))].join('\r\n');
        const parsed = parseCsv(text, 'x').map(({ values }) => [values.one, values.two]);
        assert.deepEqual(
          parsed,
          rows.map((row) => row.map((text_) => text_.trim())),
        );
      }),
    );
  });

  it('may be written with semicolons, a byte order mark and empty lines', () => {
    const [row] = parseCsv('\uFEFFa;b\r\n\r\n1;"2;3"\r\n', 'x');
    assert.deepEqual(row, { line: 3, values: { a: '1', b: '2;3' } });
  });

  it('give regions with what is known, and count what is indeterminate', () => {
    const { regions, indeterminate } = parseLabels(
      `${HEADER}\na.png,p1,north,L4-L5,calcified,61,f,24.5,210\nb.png,p1,,L5-S1,0,,,,\nc.png,p2,,L1-L2,indeterminate,,,,\n`,
      'labels.csv',
    );
    assert.equal(indeterminate, 1);
    assert.deepEqual(regions[0], {
      file: 'a.png',
      patient: 'p1',
      site: 'north',
      level: 'L4-L5',
      label: true,
      age: 61,
      sex: 'F',
      bmi: 24.5,
      hu: 210,
    });
    assert.deepEqual(
      [regions[1]?.label, regions[1]?.age, regions[1]?.sex, regions[1]?.site],
      [false, null, null, 'unnamed'],
    );
  });

  it('are refused with line and column: a level, a label, a number, a missing value, a double, a path out of the folder', () => {
    const refused = (line: string, message: RegExp) =>
      assert.throws(() => parseLabels(`${HEADER}\n${line}\n`, 'labels.csv'), invalid(message));
    refused('a.png,p1,,L4-S1,1,,,,', /line 2[\s\S]*level/);
    refused('a.png,p1,,L4-L5,maybe,,,,', /line 2[\s\S]*label/);
    refused('a.png,p1,,L4-L5,1,old,,,', /line 2[\s\S]*age/);
    refused('a.png,p1,,L4-L5', /line 2: 4 values for 9 columns/);
    refused('a.png,p1,,L4-L5,1,,,,\na.png,p1,,L5-S1,1,,,,', /names a\.png twice/);
    refused('../a.png,p1,,L4-L5,1,,,,', /line 2[\s\S]*folder/);
    assert.throws(() => parseLabels('', 'labels.csv'), invalid(/no region/));
  });

  it('hold what each reader said', () => {
    const readers = parseReaders(
      'reader,file,answer\nA,a.png,1\nB,a.png,not-calcified\nA,b.png,0\n',
      'r.csv',
    );
    assert.deepEqual(
      readers.map(({ name, answers }) => [name, [...answers]]),
      [
        [
          'A',
          [
            ['a.png', true],
            ['b.png', false],
          ],
        ],
        ['B', [['a.png', false]]],
      ],
    );
    assert.throws(
      () => parseReaders('reader,file,answer\nA,a.png,indeterminate\n', 'r.csv'),
      invalid(/answer/),
    );
  });
});
