import { request as httpsRequest } from 'node:https';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A browser without a screen: keeps cookies, follows nothing by itself, sends forms with the token of the page. */
export class Visitor {
  readonly cookies = new Map<string, string>();

  constructor(
    readonly origin: string,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {}

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.send('GET', path, undefined, headers);
  }

  /** The form's own token is taken from `page` first, as a browser has it. */
  async post(path: string, fields: Readonly<Record<string, string>>, page = path): Promise<Answer> {
    const { text } = await this.get(page);
    return this.send('POST', path, { _csrf: csrfOf(text), ...fields });
  }

  async send(
    method: string,
    path: string,
    fields?: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const answer = await fetch(`${this.origin}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        ...(this.cookies.size > 0 && { cookie: [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ') }),
        ...this.headers,
        ...headers,
      },
      ...(fields && { body: new URLSearchParams(fields) }),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      this.cookies.set(name!, value!);
    }
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  }

  async logIn(name: string, password: string): Promise<Answer> {
    return this.post('/login', { name, password });
  }
}

export function csrfOf(page: string): string {
  return /name="_csrf" value="([^"]+)"/.exec(page)?.[1] ?? '';
}

/** HTTPS with a certificate of a test's own. */
export function getBy(
  url: string,
  ca: Buffer,
): Promise<{ status: number; headers: Record<string, unknown> }> {
  return new Promise((done, failed) => {
    const asked = httpsRequest(url, { ca, headers: { accept: 'text/html' } }, (answer) => {
      answer.resume();
      answer.on('end', () => done({ status: answer.statusCode ?? 0, headers: answer.headers }));
    });
    asked.on('error', failed);
    asked.end();
  });
}
