import { type Marked, TISSUE } from './network.js';

/**
 * Where calcification of a disc can lie in one sagittal picture: inside the disc, and behind it where a herniation
 * goes. End plates, osteophytes and facets are bone that touches bone: what lies within `rimMm` of a marked
 * vertebra, or at the disc's upper or lower face, is left out.
 */
export const ZONE = { none: 0, disc: 1, behind: 2 } as const;

const RIM_MM = 1.9;
/** The upper and lower face of a disc, where the end plates' own density reaches into it. */
const FACE_MM = 1.5;
const BEHIND_MM = 9;
/** How far beyond the disc's own height a herniation is looked for. */
const BEYOND_FACE_MM = 4;

/** @param disc indices of the disc's pixels in the network's grid @returns one ZONE value per pixel of the grid */
export function discZone(marked: Marked, disc: Int32Array): Uint8Array {
  const { rows, columns, tissue, spacingMm } = marked;
  const zone = new Uint8Array(rows * columns);
  const columnsOfDisc = spans(disc, columns);
  const face = FACE_MM / spacingMm;
  for (const [col, [top, bottom]] of columnsOfDisc)
    for (let row = Math.ceil(top + face); row <= bottom - face; row++) zone[row * columns + col] = ZONE.disc;
  const posterior = Math.max(...columnsOfDisc.keys());
  const edge = [...columnsOfDisc].filter(([col]) => col > posterior - 4 / spacingMm).map(([, span]) => span);
  const top = Math.min(...edge.map(([from]) => from)) - BEYOND_FACE_MM / spacingMm;
  const bottom = Math.max(...edge.map(([, to]) => to)) + BEYOND_FACE_MM / spacingMm;
  for (let row = Math.max(0, Math.round(top)); row <= Math.min(rows - 1, bottom); row++)
    for (let col = posterior - 2; col <= Math.min(columns - 1, posterior + BEHIND_MM / spacingMm); col++)
      if (zone[row * columns + col] === ZONE.none) zone[row * columns + col] = ZONE.behind;
  clearBeside(zone, tissue, marked);
  return zone;
}

/** First and last row of the disc in each of its columns. */
function spans(disc: Int32Array, columns: number): Map<number, [top: number, bottom: number]> {
  const found = new Map<number, [number, number]>();
  for (const at of disc) {
    const [col, row] = [at % columns, Math.floor(at / columns)];
    const span = found.get(col);
    if (!span) found.set(col, [row, row]);
    else found.set(col, [Math.min(span[0], row), Math.max(span[1], row)]);
  }
  return found;
}

function clearBeside(zone: Uint8Array, tissue: Uint8Array, { rows, columns, spacingMm }: Marked): void {
  const reach = Math.ceil(RIM_MM / spacingMm);
  const limit = (RIM_MM / spacingMm) ** 2;
  for (let at = 0; at < zone.length; at++) {
    if (zone[at] === ZONE.none) continue;
    const [row, col] = [Math.floor(at / columns), at % columns];
    search: for (let r = Math.max(0, row - reach); r <= Math.min(rows - 1, row + reach); r++)
      for (let c = Math.max(0, col - reach); c <= Math.min(columns - 1, col + reach); c++)
        if (tissue[r * columns + c] === TISSUE.vertebra && (r - row) ** 2 + (c - col) ** 2 <= limit) {
          zone[at] = ZONE.none;
          break search;
        }
  }
}
