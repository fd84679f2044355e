import type { Config } from '../config/schema.js';

const ANYWHERE: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' };

/** Where a browser finds the page: http.publicUrl, else this machine's own address; `port` where the system chose one. */
export function pageAddress({ http }: Pick<Config, 'http'>, port: number = http.port): string {
  if (http.publicUrl) return http.publicUrl;
  const host = ANYWHERE[http.host] ?? (http.host.includes(':') ? `[${http.host}]` : http.host);
  return `${http.tls ? 'https' : 'http'}://${host}:${port}`;
}
