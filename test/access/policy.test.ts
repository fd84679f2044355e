import assert from 'node:assert/strict';
import fc from 'fast-check';
import { counted, FORGOTTEN_MS, LIMITS, waitMs } from '../../agent/access/lockout.js';
import { identityOf } from '../../agent/access/oidc.js';
import { hashPassword, isPassword, refuseWeakPassword } from '../../agent/access/passwords.js';
import { decideAccess, type Principal } from '../../agent/access/principal.js';
import { may, ROLES } from '../../agent/domain/access.js';
import { localPath } from '../../agent/expose/gate/localPath.js';
import { ACCOUNT_ROLES } from '../../config/http.js';
import { ConfigError, parseConfig } from '../../config/load.js';

describe('access: what is decided without a database', () => {
  it('only an administrator manages accounts, only auditor and administrator search the trail', () => {
    assert.deepEqual(
      ACCOUNT_ROLES.filter((role) => may(role, 'accounts')),
      ['administrator'],
    );
    assert.deepEqual(
      ACCOUNT_ROLES.filter((role) => may(role, 'trail')),
      ['administrator', 'auditor'],
    );
    assert.ok(!may('monitor', 'view'), 'a monitor reads no patient');
    assert.ok(!may('administrator', 'judge') && !may('auditor', 'judge'));
    assert.ok(ACCOUNT_ROLES.every((role) => Object.hasOwn(ROLES, role)));
  });

  it('who is not known is asked who they are, also where any role would do', () => {
    const viewer: Principal = { by: 'account', name: 'v', role: 'viewer', actor: 'user:v' };
    assert.equal(decideAccess('known', null), 'who');
    assert.equal(decideAccess('view', null), 'who');
    assert.equal(decideAccess('anyone', null), 'yes');
    assert.equal(decideAccess('accounts', viewer), 'no');
    assert.equal(decideAccess('known', { ...viewer, role: 'monitor' }), 'yes');
  });

  it('the wait doubles, has an end, and is forgotten after a day', () => {
    const { free, firstWaitMs, longestWaitMs } = LIMITS.pair;
    assert.equal(waitMs('pair', free), 0);
    assert.deepEqual([waitMs('pair', free + 1), waitMs('pair', free + 2)], [firstWaitMs, 2 * firstWaitMs]);
    assert.equal(waitMs('pair', 10_000), longestWaitMs);
    const now = new Date();
    const row = { kind: 'pair', failures: 40, lastAt: new Date(now.getTime() - FORGOTTEN_MS - 1) } as const;
    assert.deepEqual([counted(row, now).failures, counted({ ...row, lastAt: now }, now).failures], [1, 41]);
  });

  it('a stranger’s tries at one account do not keep its owner out elsewhere before fifty of them', () => {
    assert.ok(LIMITS.account.free > LIMITS.address.free && LIMITS.address.free > LIMITS.pair.free);
  });

  it('a password is known again, in either way to write an umlaut, and no other is', async () => {
    const stored = await hashPassword('schöne neue bandscheibe');
    assert.match(stored, /^\$scrypt\$ln=15,r=8,p=3\$/);
    assert.ok(await isPassword(stored, 'schöne neue bandscheibe'.normalize('NFD')));
    assert.ok(!(await isPassword(stored, 'schone neue bandscheibe')));
    assert.ok(!(await isPassword(null, 'schöne neue bandscheibe')));
    assert.ok(!(await isPassword('nonsense', 'schöne neue bandscheibe')));
    assert.notEqual(stored, await hashPassword('schöne neue bandscheibe'));
  });

  it('weak passwords are refused with the reason', () => {
    for (const [password, says] of [
      ['short', /12 characters/],
      ['aaaaaaaaaaaaaaaa', /same few/],
      ['anna.meieranna', /name/],
      ['x'.repeat(300), /256/],
    ] as const)
      assert.throws(() => refuseWeakPassword(password, 'anna.meier'), { message: says });
    refuseWeakPassword('seven green herons', 'anna.meier');
  });

  it('next= leads nowhere else, however it is written', () => {
    for (const [next, to] of [
      ['/cases/1?list=a%26b', '/cases/1?list=a%26b'],
      ['//evil.example/', '/'],
      ['/\\evil.example', '/'],
      ['/\t/evil.example', '/'],
      ['/.//evil.example', '/'],
      ['https://evil.example', '/'],
      ['javascript:alert(1)', '/'],
      ['', '/'],
      [undefined, '/'],
    ] as const)
      assert.equal(localPath(next), to, String(next));
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('/', '\\', '.', '\t', '\n', '@', ':', 'a', '%2f', '?') }),
        (text) => {
          const gone = new URL(localPath(`/${text}`), 'http://page.example');
          assert.equal(gone.origin, 'http://page.example', text);
        },
      ),
    );
  });

  it('claims become one role, the highest, from wherever the provider puts them', () => {
    const roles = { administrator: ['it'], auditor: ['qa'], radiologist: ['rad'], viewer: ['staff'] };
    const config = { nameClaim: 'preferred_username', roleClaim: 'realm_access.roles', roles };
    const claims = (more: object) => ({ iss: 'https://id.example', sub: '17', ...more });
    const keycloak = claims({
      preferred_username: 'DOM\\anna meier',
      realm_access: { roles: ['staff', 'qa'] },
    });
    assert.deepEqual(identityOf(config, keycloak), {
      issuer: 'https://id.example',
      subject: '17',
      name: 'DOM-anna-meier',
      role: 'auditor',
    });
    const flat = identityOf(
      { ...config, roleClaim: 'https://x/roles' },
      claims({ 'https://x/roles': 'rad' }),
    );
    assert.deepEqual([flat.name, flat.role], ['17', 'radiologist']);
    assert.equal(identityOf({ ...config, roleClaim: '__proto__.roles' }, claims({})).role, null);
    assert.equal(identityOf(config, claims({ realm_access: { roles: ['nobody'] } })).role, null);
  });

  for (const [what, http, says] of [
    [
      'an open page beyond this machine',
      { host: '0.0.0.0', access: 'loopback-open' },
      /other machines can reach/,
    ],
    [
      'an open page behind a proxy',
      { trustedProxies: ['10.0.0.1'], access: 'loopback-open' },
      /trustedProxies/,
    ],
    ['a header that anybody may send', { userHeader: 'x-user' }, /anybody could send/],
    ['a role for nobody', { userRole: 'viewer' }, /userHeader/],
    ['HTTPS that nobody speaks', { publicUrl: 'https://c.example' }, /http\.tls/],
    [
      'single sign-on that leads nowhere',
      { host: '0.0.0.0', oidc: { issuer: 'https://i.example', clientId: 'c', roles: {} } },
      /publicUrl/,
    ],
    [
      'a provider in clear',
      { oidc: { issuer: 'http://i.example', clientId: 'c', roles: {} } },
      /http\.oidc\.issuer.*https/,
    ],
    ['an address with a path', { publicUrl: 'https://c.example/x' }, /http\.publicUrl.*without a path/],
  ] as const)
    it(`refused at the start: ${what}`, () => {
      assert.throws(
        () => parseConfig({ http }),
        (error) => error instanceof ConfigError && says.test(error.message),
      );
    });
});
