/**
 * Transfer syntaxes (PS3.5 annex A, PS3.6 table A-1) in the order we choose among those a sender offers in one
 * presentation context. Native ones come first: a sender that offers several would otherwise compress for us
 * images it keeps uncompressed. A sender that keeps compressed images offers that syntax in a context of its own.
 */
export const TRANSFER_SYNTAXES = {
  explicitVrLittleEndian: syntax('1.2.840.10008.1.2.1', 'Explicit VR Little Endian'),
  implicitVrLittleEndian: syntax('1.2.840.10008.1.2', 'Implicit VR Little Endian', { isExplicit: false }),
  jpegLsLossless: syntax('1.2.840.10008.1.2.4.80', 'JPEG-LS Lossless', { isEncapsulated: true }),
  jpeg2000Lossless: syntax('1.2.840.10008.1.2.4.90', 'JPEG 2000 Lossless Only', { isEncapsulated: true }),
  jpegLosslessFirstOrder: syntax('1.2.840.10008.1.2.4.70', 'JPEG Lossless, First-Order Prediction', {
    isEncapsulated: true,
  }),
  jpegLossless: syntax('1.2.840.10008.1.2.4.57', 'JPEG Lossless, Process 14', { isEncapsulated: true }),
  rleLossless: syntax('1.2.840.10008.1.2.5', 'RLE Lossless', { isEncapsulated: true }),
  deflatedExplicitVrLittleEndian: syntax('1.2.840.10008.1.2.1.99', 'Deflated Explicit VR Little Endian', {
    isDeflated: true,
  }),
  explicitVrBigEndian: syntax('1.2.840.10008.1.2.2', 'Explicit VR Big Endian', { isLittleEndian: false }),
  htj2kLossless: syntax('1.2.840.10008.1.2.4.201', 'High-Throughput JPEG 2000 Lossless Only', {
    isEncapsulated: true,
  }),
  htj2kLosslessRpcl: syntax(
    '1.2.840.10008.1.2.4.202',
    'High-Throughput JPEG 2000 with RPCL Options Lossless Only',
    { isEncapsulated: true },
  ),
  jpegLsNearLossless: syntax('1.2.840.10008.1.2.4.81', 'JPEG-LS Near-Lossless', {
    isEncapsulated: true,
    isLossy: true,
  }),
  jpeg2000: syntax('1.2.840.10008.1.2.4.91', 'JPEG 2000', { isEncapsulated: true, isLossy: true }),
  htj2k: syntax('1.2.840.10008.1.2.4.203', 'High-Throughput JPEG 2000', {
    isEncapsulated: true,
    isLossy: true,
  }),
} as const satisfies Record<string, TransferSyntax>;

export interface TransferSyntax {
  readonly uid: string;
  readonly name: string;
  readonly isExplicit: boolean;
  readonly isLittleEndian: boolean;
  readonly isDeflated: boolean;
  readonly isEncapsulated: boolean;
  /** Taken only where `dicom.acceptLossy` says so: what was lost may be the calcification. */
  readonly isLossy: boolean;
}

export type TransferSyntaxKeyword = keyof typeof TRANSFER_SYNTAXES;

const byUid = new Map<string, TransferSyntax>(Object.values(TRANSFER_SYNTAXES).map((row) => [row.uid, row]));

export function transferSyntaxOf(uid: string): TransferSyntax | null {
  return byUid.get(uid) ?? null;
}

/** Pixel data in some codec, video too: encapsulated in Explicit VR Little Endian, whatever the codec (PS3.5 A.4). */
const CODECS = '1.2.840.10008.1.2.4.';
/** JPIP references: no pixels in the object, and its data set deflated or not. */
const NOT_ENCAPSULATED: Readonly<Record<string, Partial<TransferSyntax>>> = {
  '1.2.840.10008.1.2.4.94': {},
  '1.2.840.10008.1.2.4.95': { isDeflated: true },
  '1.2.840.10008.1.2.4.204': {},
  '1.2.840.10008.1.2.4.205': { isDeflated: true },
};

/**
 * How a data set is written in any syntax whose bytes can be carried as they are, read or not: ours and every codec.
 * @returns null for what may be written in another way than the standard's
 */
export function carriedSyntaxOf(uid: string): TransferSyntax | null {
  const known = transferSyntaxOf(uid);
  if (known || !uid.startsWith(CODECS)) return known;
  return syntax(uid, uid, NOT_ENCAPSULATED[uid] ?? { isEncapsulated: true, isLossy: true });
}

function syntax(uid: string, name: string, differs: Partial<TransferSyntax> = {}): TransferSyntax {
  return {
    uid,
    name,
    isExplicit: true,
    isLittleEndian: true,
    isDeflated: false,
    isEncapsulated: false,
    isLossy: false,
    ...differs,
  };
}
