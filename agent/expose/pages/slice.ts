import type { CaseView } from '../../../db/views/caseView.js';
import type { Level } from '../../domain/levels.js';
import { type Html, html } from '../html.js';

interface Box {
  readonly level: Level;
  readonly roiPixel: readonly [number, number, number, number];
  readonly isFlagged: boolean;
  /** Its region was taken from another slice, which shows this disc better. */
  readonly isElsewhere: boolean;
}

/** The stored slice with its regions laid over it as SVG, pixels shown square whatever the spacing. */
export function slicePicture(view: CaseView, modality: 'MR' | 'CT'): Html {
  const localisation = modality === 'MR' ? view.mr : view.ct;
  if (!localisation?.slicePng) return html`<p class="empty">No slice to show.</p>`;
  const { width, height } = pngSize(localisation.slicePng);
  const [rowSpacing, colSpacing] = localisation.pixelSpacingMm ?? [1, 1];
  const shown = { width: width * colSpacing, height: height * rowSpacing };
  const boxes = boxesOf(view, modality);
  const elsewhere = boxes.filter(({ isElsewhere }) => isElsewhere).map(({ level }) => level);
  const src = `/api/cases/${view.case.id}/slice.png?modality=${modality}`;
  return html`<figure class="slice"><svg viewBox="0 0 ${shown.width} ${shown.height}" role="img" aria-label="${modality} slice with the regions of the discs">
<image href="${src}" width="${shown.width}" height="${shown.height}" preserveAspectRatio="none"/>
${boxes.map((box) => boxSvg(box, colSpacing, rowSpacing, shown.width))}</svg>
<figcaption>Image ${(localisation.sliceIndex ?? 0) + 1} of ${localisation.sliceCount ?? '–'}, ${width} × ${height},
${rowSpacing.toFixed(2)} mm. ${localisation.status}, ${Math.round(localisation.milliseconds)} ms.
${elsewhere.length > 0 && html`Dashed: ${elsewhere.join(', ')} read on the slice that shows the disc best.`}</figcaption></figure>`;
}

function boxesOf({ regions, measurements, inferences, mr }: CaseView, modality: 'MR' | 'CT'): Box[] {
  if (modality === 'CT')
    return measurements.map(({ level, roiPixel, label }) => ({
      level,
      roiPixel,
      isFlagged: label === 'calcified',
      isElsewhere: false,
    }));
  return regions.map(({ id, level, roiPixel, sopInstanceUid }) => {
    const decided = inferences.find(({ discRegionId, role }) => discRegionId === id && role === 'active');
    const isElsewhere = sopInstanceUid !== mr?.sliceSopInstanceUid;
    return { level, roiPixel, isFlagged: decided?.calcified ?? false, isElsewhere };
  });
}

/** Regions are outer edges with pixel centres at whole numbers; the picture's left edge is at -0.5. */
function boxSvg(
  { level, roiPixel, isFlagged, isElsewhere }: Box,
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
  const textX = Math.min(x + width + size / 3, widthMm - size * 3.4);
  return html`<g class="box ${isFlagged ? 'yes' : 'no'}${isElsewhere && ' elsewhere'}"><rect x="${x}" y="${y}" width="${width}" height="${height}"/>
<text x="${textX}" y="${y + height / 2 + size / 3}" font-size="${size}">${isFlagged ? '● ' : ''}${level}</text></g>`;
}

/** Width and height stand in the IHDR chunk, always at the same place (PNG 11.2.2). */
function pngSize(png: Uint8Array): { width: number; height: number } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}
