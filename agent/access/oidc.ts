import { readFileSync } from 'node:fs';
import * as client from 'openid-client';
import { ACCOUNT_ROLES } from '../../config/http.js';
import type { Config } from '../../config/schema.js';
import type { Role } from '../domain/access.js';
import { CalcidiscError } from '../domain/errors.js';

type OidcConfig = NonNullable<Config['http']['oidc']>;

/** What has to be remembered between leaving for the provider and coming back. */
export interface Departure {
  readonly codeVerifier: string;
  readonly state: string;
  readonly nonce: string;
}

/** Who somebody is by the provider's word. */
export interface Identity {
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  /** Null: none of the claim's values is a role here. */
  readonly role: Role | null;
}

export interface OidcClient {
  readonly label: string;
  /** @throws CalcidiscError LOGIN_UNAVAILABLE */
  depart(): Promise<{ readonly url: string; readonly departure: Departure }>;
  /** @param query of the address they came back to. @throws CalcidiscError LOGIN_UNAVAILABLE, ACCOUNT_REFUSED */
  arrive(query: string, departure: Departure): Promise<Identity>;
}

/** Seconds for each answer of the provider. */
const ANSWER_S = 10;

/** OpenID Connect Core 1.0, authorization code flow with PKCE (RFC 7636), state and nonce; openid-client does it. */
export function openOidc(config: OidcConfig, callbackUrl: string): OidcClient {
  let found: Promise<client.Configuration> | undefined;

  /** Looked for at the first log-in, and again after it was not there. */
  function provider(): Promise<client.Configuration> {
    found ??= discover(config);
    found.catch(() => {
      found = undefined;
    });
    return found;
  }

  return {
    label: config.label,
    async depart() {
      const departure = {
        codeVerifier: client.randomPKCECodeVerifier(),
        state: client.randomState(),
        nonce: client.randomNonce(),
      };
      const url = client.buildAuthorizationUrl(await provider(), {
        redirect_uri: callbackUrl,
        scope: config.scope,
        code_challenge: await client.calculatePKCECodeChallenge(departure.codeVerifier),
        code_challenge_method: 'S256',
        state: departure.state,
        nonce: departure.nonce,
      });
      return { url: url.href, departure };
    },
    async arrive(query, { codeVerifier, state, nonce }) {
      const known = await provider();
      try {
        const tokens = await client.authorizationCodeGrant(known, new URL(`${callbackUrl}?${query}`), {
          pkceCodeVerifier: codeVerifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        });
        const id = tokens.claims()!;
        // Groups and roles are often in the second place only.
        const more = known.serverMetadata().userinfo_endpoint
          ? await client.fetchUserInfo(known, tokens.access_token, id.sub)
          : {};
        return identityOf(config, { ...more, ...id });
      } catch (cause) {
        throw new CalcidiscError(
          'ACCOUNT_REFUSED',
          `the log-in was not completed: ${reasonOf(cause)}`,
          {},
          { cause },
        );
      }
    },
  };
}

/** Whether the provider is there, for the doctor. @throws CalcidiscError LOGIN_UNAVAILABLE */
export async function probeOidc(config: OidcConfig): Promise<void> {
  await discover(config);
}

async function discover({ issuer, clientId, clientSecretFile }: OidcConfig): Promise<client.Configuration> {
  const isClear = new URL(issuer).protocol === 'http:';
  try {
    const secret = clientSecretFile && readFileSync(clientSecretFile, 'utf8').trim();
    const found = await client.discovery(
      new URL(issuer),
      clientId,
      secret,
      secret ? undefined : client.None(),
      {
        timeout: ANSWER_S,
        // The configuration allows it for this machine only.
        execute: isClear ? [client.allowInsecureRequests] : [],
      },
    );
    return found;
  } catch (cause) {
    throw new CalcidiscError(
      'LOGIN_UNAVAILABLE',
      `the OpenID Connect provider ${issuer} does not answer as it should: ${reasonOf(cause)}`,
      {},
      { cause },
    );
  }
}

/** Neither code nor token: what went wrong in the library's or the provider's words. */
function reasonOf(cause: unknown): string {
  const { message, error, error_description, code } = cause as Record<string, unknown>;
  return [error, error_description, message, code].filter((each) => typeof each === 'string').join(', ');
}

type Claims = Readonly<Record<string, unknown>> & { readonly iss: string; readonly sub: string };

export function identityOf(
  { nameClaim, roleClaim, roles }: Pick<OidcConfig, 'nameClaim' | 'roleClaim' | 'roles'>,
  claims: Claims,
): Identity {
  const values = [claimAt(claims, roleClaim)].flat().filter((each) => typeof each === 'string');
  const role = ACCOUNT_ROLES.find((each) => roles[each].some((value) => values.includes(value)));
  const name = [claimAt(claims, nameClaim), claims.email, claims.sub].find(
    (each): each is string => typeof each === 'string' && each.trim() !== '',
  );
  return { issuer: claims.iss, subject: claims.sub, name: writable(name!), role: role ?? null };
}

/** `roles`, or `realm_access.roles` into an object; a claim whose own name has dots in it is found first. */
function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, key)
          ? (value as Record<string, unknown>)[key]
          : undefined,
      claims,
    );
}

/** `DOMAIN\anna meier` -> `DOMAIN-anna-meier` */
function writable(name: string): string {
  return name
    .replace(/[^\p{L}\p{N}._@+-]+/gu, '-')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .slice(0, 64);
}
