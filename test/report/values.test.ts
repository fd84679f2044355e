import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  formatDa,
  formatDs,
  formatTm,
  localDateTime,
  longText,
  shortText,
} from '../../agent/report/values.js';

const refused = { code: 'REPORT_INVALID' };

describe('decimal strings (DS)', () => {
  it('never hold more than 16 characters, and always a number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        assert.match(formatDs(value), /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/);
        assert.ok(formatDs(value).length <= 16);
      }),
    );
  });

  it('stay within a part in ten million of what was measured: no cut exponent', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e300, max: 1e300 }), (value) => {
        if (Math.abs(value) < 1e-300) return;
        assert.ok(Math.abs(Number(formatDs(value)) / value - 1) < 1e-7, `${value} -> ${formatDs(value)}`);
      }),
    );
  });

  it('keep every float32, and every whole number of up to 15 digits, as it is', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        assert.equal(Math.fround(Number(formatDs(value))), value + 0);
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: -(10 ** 15), max: 10 ** 15 }), (value) => {
        assert.equal(Number(formatDs(value)), value);
      }),
    );
  });

  it('do not lose the exponent, as dcmjs would by cutting', () => {
    assert.equal(formatDs(1 / 8_100_000), '1.23456790123e-7');
  });

  it('are refused for NaN and infinities', () => {
    for (const value of [Number.NaN, Infinity, -Infinity]) assert.throws(() => formatDs(value), refused);
  });
});

describe('dates and times', () => {
  it('take a calendar date either way, and leave empty what is none', () => {
    assert.equal(formatDa('2026-03-02'), '20260302');
    assert.equal(formatDa('20260302'), '20260302');
    for (const none of [null, '', '2026-02-30', '20261301', '2026.03.02', 'yesterday'])
      assert.equal(formatDa(none), '');
  });

  it('leave empty a time that is none', () => {
    for (const time of ['10', '1015', '101530', '101530.123456']) assert.equal(formatTm(time), time);
    for (const none of ['', '25', '10:15:30', '1060', '101530.1234567', '101'])
      assert.equal(formatTm(none), '');
  });

  it('cross midnight with the clock they are written for', () => {
    const instant = new Date('2026-03-12T23:30:00.000Z');
    assert.deepEqual(localDateTime(instant, 60), { da: '20260313', tm: '003000.000' });
    assert.deepEqual(localDateTime(instant, -300), { da: '20260312', tm: '183000.000' });
    assert.throws(() => localDateTime(new Date('x'), 0), refused);
  });
});

describe('text', () => {
  it('is counted in characters, not in bytes or UTF-16 units', () => {
    assert.equal(shortText('SH', '𠮷'.repeat(16)), '𠮷'.repeat(16));
    assert.throws(() => shortText('SH', 'a'.repeat(17)), refused);
    assert.throws(() => shortText('LO', 'é'.repeat(65)), refused);
  });

  it('of one value holds no backslash, which would make it two, and no control character', () => {
    for (const text of ['a\\b', 'a\tb', 'a\nb', 'a\u0000b'])
      assert.throws(() => shortText('LO', text), refused);
    assert.throws(() => shortText('CS', 'lower'), refused);
  });

  it('of an item keeps line breaks, loses control characters, and is never empty', () => {
    assert.equal(longText('one\ntwo\u0007 '), 'one\ntwo');
    assert.throws(() => longText(' \u0000 '), refused);
  });
});
