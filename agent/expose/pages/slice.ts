import type { CaseView } from '../../../db/views/caseView.js';
import type { Level } from '../../domain/levels.js';
import { type Html, html } from '../html.js';
import { hounsfield } from '../words.js';

export interface Box {
  readonly level: Level;
  readonly roiPixel: readonly [number, number, number, number];
  readonly isFlagged: boolean;
  /** Its region was taken from another slice, which shows this disc better. */
  readonly isElsewhere: boolean;
  /** Where it lies among the images that are scrolled through, from 1. */
  readonly image?: number;
  /** Beside its level's name. */
  readonly remark?: string;
}

/** The stored slice with its regions laid over it as SVG, pixels shown square whatever the spacing. */
export function slicePicture(view: CaseView, modality: 'MR' | 'CT'): Html {
  const localisation = modality === 'MR' ? view.mr : view.ct;
  if (!localisation?.slicePng)
    return html`<p class="empty">${view.purged.regions ? 'Its picture was deleted by policy' : 'No slice to show'}.</p>`;
  const { width, height } = pngSize(localisation.slicePng);
  const [rowSpacing, colSpacing] = localisation.pixelSpacingMm ?? [1, 1];
  const shown = { width: width * colSpacing, height: height * rowSpacing };
  const boxes = boxesOf(view, modality);
  const elsewhere = boxes.filter(({ isElsewhere }) => isElsewhere).map(({ level }) => level);
  const src = `/api/cases/${view.case.id}/slice.png?modality=${modality}`;
  const places = discPlaces(view, modality, [rowSpacing, colSpacing]);
  return html`<figure class="slice" data-slice="${modality}" data-discs="${places}"><svg viewBox="0 0 ${shown.width} ${shown.height}" role="img" aria-label="${modality} slice with the regions of the discs">
<image href="${src}" width="${shown.width}" height="${shown.height}" preserveAspectRatio="none"/>
${boxes.map((box) => boxSvg(box, colSpacing, rowSpacing, shown.width))}${CROSS}</svg>
<figcaption>Image ${(localisation.sliceIndex ?? 0) + 1} of ${localisation.sliceCount ?? '–'}, ${width} × ${height},
${rowSpacing.toFixed(2)} mm. ${localisation.status}, ${Math.round(localisation.milliseconds)} ms.
${elsewhere.length > 0 && html`Dashed: ${elsewhere.join(', ')} read on the slice that shows the disc best.`}</figcaption></figure>`;
}

export function boxesOf({ regions, measurements, inferences, mr }: CaseView, modality: 'MR' | 'CT'): Box[] {
  if (modality === 'CT')
    return measurements.map(({ level, roiPixel, label, meanHu }) => ({
      level,
      roiPixel,
      isFlagged: label === 'calcified',
      isElsewhere: false,
      ...(meanHu !== null && { remark: hounsfield(meanHu) }),
    }));
  return regions.map(({ id, level, roiPixel, sopInstanceUid }) => {
    const decided = inferences.find(({ discRegionId, role }) => discRegionId === id && role === 'active');
    const isElsewhere = sopInstanceUid !== mr?.sliceSopInstanceUid;
    return { level, roiPixel, isFlagged: decided?.calcified ?? false, isElsewhere };
  });
}

/** Regions are outer edges with pixel centres at whole numbers; the picture's left edge is at -0.5. */
export function boxSvg(
  { level, roiPixel, isFlagged, isElsewhere, image, remark }: Box,
  colSpacing: number,
  rowSpacing: number,
  widthMm: number,
): Html {
  const [col0, row0, col1, row1] = roiPixel;
  const x = (col0 + 0.5) * colSpacing;
  const y = (row0 + 0.5) * rowSpacing;
  const width = (col1 - col0) * colSpacing;
  const height = (row1 - row0) * rowSpacing;
  const size = widthMm / 28;
  const letters = remark ? remark.length / 2 + 4.4 : 3.4;
  const textX = Math.min(x + width + size / 3, widthMm - size * letters);
  return html`<g class="box ${isFlagged ? 'yes' : 'no'}${isElsewhere && ' elsewhere'}"${image !== undefined && html` data-image="${image}"`}><rect x="${x}" y="${y}" width="${width}" height="${height}"/>
<text x="${textX}" y="${y + height / 2 + size / 3}" font-size="${size}">${isFlagged ? '● ' : ''}${level}${remark && html`<tspan class="remark"> ${remark}</tspan>`}</text></g>`;
}

/** Moved by the script (assets/viewer.js). */
export const CROSS = html`<g class="cross"><line class="across"/><line class="down"/></g>`;

/** Centres of the discs on a picture in millimetres, by level, as JSON for the script; none where the levels are in doubt. */
export function discPlaces(
  { mr, ct, regions, measurements }: CaseView,
  modality: 'MR' | 'CT',
  [rowSpacing, colSpacing]: readonly [number, number],
): string {
  const isSure = (modality === 'MR' ? mr : ct)?.status === 'located';
  const discs = modality === 'MR' ? regions : measurements;
  const places = discs.map(({ level, centrePixel: [col, row] }) => [
    level,
    [(col + 0.5) * colSpacing, (row + 0.5) * rowSpacing],
  ]);
  return JSON.stringify(Object.fromEntries(isSure ? places : []));
}

/** Width and height stand in the IHDR chunk, always at the same place (PNG 11.2.2). */
function pngSize(png: Uint8Array): { width: number; height: number } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}
