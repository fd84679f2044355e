/** Time-Stamp Protocol (RFC 3161): the request, and what can be told of the answer without its signature. */

/** 2.16.840.1.101.3.4.2.1, as AlgorithmIdentifier with NULL parameters. */
const SHA256 = Buffer.from('300d06096086480165030402010500', 'hex');
/** Of PKIStatus (2.4.2): granted, granted with modifications. */
const GRANTED = [0, 1];

/**
 * DER of a TimeStampReq (2.4.1) that asks for the authority's certificate, too.
 * @param hash SHA-256, 32 bytes
 * @param nonce 8 bytes: an answer to another request does not have it
 */
export function timeStampRequest(hash: Uint8Array, nonce: Uint8Array): Buffer {
  const imprint = element(0x30, SHA256, element(0x04, hash));
  return element(0x30, integer([1]), imprint, integer(nonce), element(0x01, [0xff]));
}

/**
 * Whether an answer grants a stamp on this hash, to this request. Whose signature it has is for `openssl ts -verify`.
 * @returns its time as the authority wrote it (YYYYMMDDhhmmss[.s…]Z)
 * @throws RangeError saying what is wrong with it
 */
export function timeStampOf(answer: Uint8Array, hash: Uint8Array, nonce: Uint8Array): string {
  const [status, token] = parts(read(answer, 0).content);
  const code = status && parts(status.content)[0]?.content[0];
  if (code === undefined || !GRANTED.includes(code))
    throw new RangeError(`the authority grants no stamp: status ${code ?? 'missing'}`);
  const info = infoOf(token);
  const [, , imprint, , time, ...rest] = parts(info);
  const [algorithm, digest] = imprint ? parts(imprint.content) : [];
  const isSha256 =
    algorithm !== undefined && SHA256.subarray(4, 13).equals(algorithm.content.subarray(2, 11));
  if (!isSha256 || !digest || !Buffer.from(hash).equals(digest.content))
    throw new RangeError('the stamp is on another hash');
  const own = rest.find(({ tag }) => tag === 0x02);
  if (!own || !Buffer.from(own.content).equals(integerContent(nonce)))
    throw new RangeError('the stamp answers another request');
  if (time?.tag !== 0x18) throw new RangeError('the stamp has no time');
  return Buffer.from(time.content).toString('latin1');
}

/** The TSTInfo in the SignedData of a TimeStampToken (RFC 5652 5.1, RFC 3161 2.4.2). */
function infoOf(token: Element | undefined): Uint8Array {
  const [, signed] = token ? parts(token.content) : [];
  const data = signed && parts(signed.content)[0];
  const [, , encapsulated] = data ? parts(data.content) : [];
  const [, wrapped] = encapsulated ? parts(encapsulated.content) : [];
  const octets = wrapped && parts(wrapped.content)[0];
  if (octets?.tag !== 0x04) throw new RangeError('the answer holds no stamp');
  return read(octets.content, 0).content;
}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly end: number;
}

/** X.690 8.1: tags of one byte, definite lengths. */
function read(bytes: Uint8Array, at: number): Element {
  const [tag, first] = [bytes[at], bytes[at + 1]];
  if (tag === undefined || first === undefined) throw new RangeError('the answer is no DER');
  const more = first < 0x80 ? 0 : first & 0x7f;
  const length =
    more === 0 ? first : bytes.subarray(at + 2, at + 2 + more).reduce((sum, byte) => sum * 256 + byte, 0);
  const start = at + 2 + more;
  if (more > 4 || start + length > bytes.length) throw new RangeError('the answer is no DER');
  return { tag, content: bytes.subarray(start, start + length), end: start + length };
}

function parts(bytes: Uint8Array): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const one = read(bytes, at);
    found.push(one);
    at = one.end;
  }
  return found;
}

function element(tag: number, ...contents: readonly (Uint8Array | readonly number[])[]): Buffer {
  const content = Buffer.concat(contents.map((each) => Buffer.from(each)));
  return Buffer.concat([Buffer.from([tag, content.length]), content]);
}

/** Positive: a first bit that is set gets a zero before it. */
function integerContent(value: Uint8Array | readonly number[]): Buffer {
  const bytes = Buffer.from(value);
  const first = bytes.findIndex((byte) => byte !== 0);
  const short = first < 0 ? Buffer.from([0]) : bytes.subarray(first);
  return short[0]! & 0x80 ? Buffer.concat([Buffer.from([0]), short]) : short;
}

function integer(value: Uint8Array | readonly number[]): Buffer {
  return element(0x02, integerContent(value));
}
