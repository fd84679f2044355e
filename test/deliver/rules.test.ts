import assert from 'node:assert/strict';
import { utimes, writeFile } from 'node:fs/promises';
import { currentRules, decideRoute, routeOf, ruleFacts } from '../../agent/deliver/route.js';
import { parseRules } from '../../agent/deliver/rulesFile.js';
import type { ReportInput } from '../../agent/report/types.js';
import { parseConfig } from '../../config/load.js';
import { disc, reportInput, unstated } from '../report/sample.js';
import { testFolder } from './channelRig.js';

const DESTINATIONS = [
  { name: 'pacs', aeTitle: 'PACS', host: 'h', port: 104 },
  { name: 'ris', channel: 'hl7', host: 'h', port: 2575 },
  { name: 'mail', channel: 'email', host: 'h', from: 'a@b', to: ['c@d'], events: ['uncertain'] },
] as const;

const configOf = (results: object = {}) =>
  parseConfig({
    route: { destinations: DESTINATIONS.map((each) => structuredClone(each)) as never[] },
    results,
  });

const RULES = `# the radiology of St. Elsewhere
rules:
  - name: outside
    when: CallingAE == 'REMOTE'
    mode: silent
  - name: flagged
    when: outcome == 'positive' && 'L4-L5' in flagged && ct != 'disagrees'
    urgency: urgent
    send: [{ to: pacs, forms: [sr] }, ris]
  - name: nothing to say
    when: outcome == 'negative'
    send: []
  - name: the rest
`;

const NEGATIVE: Partial<ReportInput> = { discs: [disc('L4-L5'), disc('L5-S1')] };
const UNCERTAIN: Partial<ReportInput> = { localisation: { status: 'uncertain', reasons: ['no sacrum'] } };

describe('deliver: rules of where results go', () => {
  const parse = (text: string) => parseRules(text, 'r.yml', configOf().route.destinations);
  const route = (text: string, changes: Partial<ReportInput> = {}, from = 'MR1') =>
    routeOf(configOf(), ruleFacts(reportInput(changes), from), parse(text));
  const sent = ({ sends }: { sends: readonly { destination: string; forms: readonly string[] }[] }) =>
    sends.map(({ destination, forms }) => `${destination}:${forms.join('+')}`).join(' ');

  const rows: [
    what: string,
    changes: Partial<ReportInput>,
    from: string,
    rule: string,
    mode: string,
    urgency: string,
    to: string,
  ][] = [
    ['flagged', {}, 'MR1', 'flagged', 'live', 'urgent', 'pacs:sr ris:oru'],
    ['flagged, of a source that is silent', {}, 'REMOTE', 'outside', 'silent', 'routine', ''],
    ['negative', NEGATIVE, 'MR1', 'nothing to say', 'live', 'routine', ''],
    ['uncertain', UNCERTAIN, 'MR1', 'the rest', 'live', 'routine', 'pacs:sr+sc ris:oru mail:mail'],
    [
      'one disc not assessable, none flagged: uncertain',
      { discs: [disc('L4-L5'), disc('L5-S1', unstated('not-assessable', 'blurred'))] },
      'MR1',
      'the rest',
      'live',
      'routine',
      'pacs:sr+sc ris:oru mail:mail',
    ],
    [
      'nothing found',
      { discs: [], localisation: { status: 'not-found', reasons: [] } },
      'MR1',
      'the rest',
      'live',
      'routine',
      'pacs:sr+sc ris:oru mail:mail',
    ],
  ];
  for (const [what, changes, from, rule, mode, urgency, to] of rows)
    it(`${what}: ${rule}, ${to || 'nowhere'}`, () => {
      const decided = route(RULES, changes, from);
      assert.deepEqual(
        [decided.rule, decided.mode, decided.urgency, sent(decided)],
        [rule, mode, urgency, to],
      );
    });

  const facts: [what: string, changes: Partial<ReportInput>, expected: object][] = [
    [
      'a flag that the CT shares',
      {},
      { ct: 'agrees', highest: Math.fround(0.8731), flagged: ['L4-L5'], ctCalcified: ['L4-L5'] },
    ],
    [
      'a flag that the CT does not share',
      {
        discs: [
          disc('L4-L5', { answer: { probability: 0.9, threshold: 0.5, answer: 'calcified', reasons: [] } }),
        ],
      },
      { ct: 'disagrees' },
    ],
    ['no CT', { ct: null, ctLocalisation: null }, { ct: 'none' }],
    ['levels uncertain', UNCERTAIN, { ct: 'none', levelsCertain: false, outcome: 'uncertain' }],
    ['an age of 18 months', { patient: { ...reportInput().patient, age: '018M' } }, { PatientAge: 1 }],
  ];
  for (const [what, changes, expected] of facts)
    it(`facts of ${what}`, () => {
      const known = ruleFacts(reportInput(changes), 'MR1');
      assert.deepEqual({ ...known, ...expected }, known);
    });

  it('without rules everything goes everywhere; silent, and without a destination, nowhere', () => {
    const asked = ruleFacts(reportInput(), 'MR1');
    assert.equal(sent(routeOf(configOf(), asked)), 'pacs:sr+sc ris:oru');
    const silent = routeOf(configOf({ mode: 'silent' }), asked);
    assert.deepEqual([silent.mode, silent.sends], ['silent', []]);
    const nowhere = routeOf(parseConfig({}), asked);
    assert.match(`${nowhere.mode} ${nowhere.why}`, /^silent no destination/);
  });

  it('a rule that cannot be worked out sends to everybody, and says so', () => {
    const decided = route(
      "rules:\n  - {name: odd, when: \"outcome == 'not-found' || flagged[0] == 'L4-L5'\", mode: silent}\n  - name: rest\n    mode: silent\n",
      NEGATIVE,
    );
    assert.deepEqual([decided.mode, decided.sends.length], ['live', 3]);
    assert.match(decided.why!, /rule odd cannot be worked out .*: it goes everywhere/);
  });

  it('reads JSON too', () => {
    assert.deepEqual(
      parse('{"rules": [{"name": "all", "send": ["ris"]}]}').map(({ sends }) => sends),
      [[{ destination: 'ris', forms: ['oru'] }]],
    );
  });

  const wrong: [what: string, text: string, said: RegExp][] = [
    ['what is no YAML', 'rules:\n  - name: [', /^r\.yml:\d+:\d+: /],
    ['a key that is none', 'rules:\n  - name: a\n    whem: "true"\n', /^r\.yml:2:5: .*whem/],
    ['a word of urgency that is none', 'rules:\n  - name: a\n    urgency: soon\n', /^r\.yml:3:14: /],
    [
      'a rule that is no CEL',
      'rules:\n  - name: a\n    when: outcome ==\n  - name: b\n',
      /^r\.yml:3:11: `when` is no CEL expression/,
    ],
    [
      'a fact that is none',
      "rules:\n  - name: a\n    when: outcom == 'positive'\n  - name: b\n",
      /^r\.yml:3:11: .*outcom/,
    ],
    [
      'one that says neither true nor false',
      'rules:\n  - name: a\n    when: highest\n  - name: b\n',
      /^r\.yml:3:11: .*true or false/,
    ],
    [
      'an unknown destination',
      'rules:\n  - name: a\n    send: [pacs, riss]\n',
      /^r\.yml:3:18: no destination is called riss; there are: pacs, ris, mail/,
    ],
    [
      'a form that a destination has not',
      'rules:\n  - name: a\n    send: [{to: ris, forms: [sr]}]\n',
      /^r\.yml:3:12: ris gets oru, and no sr/,
    ],
    ['two of one name', 'rules:\n  - {name: a, when: "true"}\n  - name: a\n', /^r\.yml:3:11: a rule before/],
    [
      'no rule for the rest',
      'rules:\n  - name: a\n    when: "true"\n',
      /^r\.yml:3:11: the last rule has no `when`/,
    ],
    ['a rule that is never asked', 'rules:\n  - name: a\n  - name: b\n', /^r\.yml:2:5: no rule after a/],
    ['nothing', '', /^r\.yml:1:1: /],
  ];
  for (const [what, text, said] of wrong)
    it(`says where: ${what}`, () =>
      assert.throws(() => parse(text), { code: 'TEMPLATE_INVALID', message: said }));

  it('reads the file anew when it has changed; one that is wrong leaves those before, and says so', async () => {
    const folder = await testFolder();
    try {
      const file = await folder.file('r.yml', 'rules:\n  - name: one\n');
      const config = configOf({ rules: file });
      let second = 0;
      const change = async (text: string) => {
        await writeFile(file, text);
        const at = new Date(Date.now() + ++second * 1_000);
        await utimes(file, at, at);
      };
      const decided = () => decideRoute(config, reportInput(), 'MR1');
      assert.equal(decided().rule, 'one');
      await change('rules:\n  - name: two\n');
      assert.equal(decided().rule, 'two');
      await change('rules:\n  - nam: three\n');
      assert.deepEqual([decided().rule, /r\.yml:2:5/.test(decided().why!)], ['two', true]);
      await change('rules:\n  - name: four\n');
      assert.deepEqual([decided().rule, decided().why], ['four', null]);
      assert.throws(() => currentRules(configOf({ rules: `${folder.dir}/none` })), {
        code: 'TEMPLATE_INVALID',
      });
    } finally {
      await folder.remove();
    }
  });
});
