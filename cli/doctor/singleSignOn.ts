import { probeOidc } from '../../agent/access/oidc.js';
import type { Config } from '../../config/schema.js';
import type { Finding } from './finding.js';

/** The OpenID Connect provider answers, and our client's secret can be read. Nothing without http.oidc. */
export async function checkSingleSignOn({ http }: Pick<Config, 'http'>): Promise<Finding[]> {
  if (!http.oidc) return [];
  const what = `single sign-on ${http.oidc.issuer}`;
  try {
    await probeOidc(http.oidc);
    return [{ what, verdict: 'ok', detail: 'answers as an OpenID Connect provider' }];
  } catch (error) {
    const { message } = error as Error;
    const advice = 'local accounts log in all the same; see http.oidc in docs/access.md';
    return [{ what, verdict: 'failed', detail: message, setting: 'http.oidc', advice }];
  }
}
