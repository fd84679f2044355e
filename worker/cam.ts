import sharp from 'sharp';
import { REGION_SIDE } from '../agent/domain/regionPicture.js';

/** Class activation maps are 7 by 7: the networks reduce 224 pixels by 32. */
export const CAM_SIDE = 7;

/** As stored in inference.cam: 49 little-endian float32. */
export function encodeCam(cam: Float32Array): Buffer {
  const bytes = Buffer.alloc(cam.length * 4);
  cam.forEach((value, i) => {
    bytes.writeFloatLE(value, i * 4);
  });
  return bytes;
}

export function decodeCam(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getFloat32(i * 4, true));
}

/**
 * A heat map to lay over the region: what spoke for calcification is red, the stronger the less transparent; what
 * spoke against it is left out. Scaled to the map's own maximum, so it says where, not how much.
 * @returns RGBA PNG, 224 by 224
 */
export async function renderCam(cam: Float32Array): Promise<Buffer> {
  const rgba = heat(upsample(cam));
  return sharp(rgba, { raw: { width: REGION_SIDE, height: REGION_SIDE, channels: 4 } })
    .png()
    .toBuffer();
}

/** Bilinear, half-pixel centres, edge clamp: the mirror image of how the network pooled. */
function upsample(cam: Float32Array): Float32Array {
  const scale = CAM_SIDE / REGION_SIDE;
  const axis = Array.from({ length: REGION_SIDE }, (_, i) => {
    const at = Math.min(Math.max((i + 0.5) * scale - 0.5, 0), CAM_SIDE - 1);
    const low = Math.min(Math.floor(at), CAM_SIDE - 2);
    return { low, weight: at - low };
  });
  const out = new Float32Array(REGION_SIDE * REGION_SIDE);
  axis.forEach((y, row) => {
    axis.forEach((x, col) => {
      const at = y.low * CAM_SIDE + x.low;
      const above = cam[at]! * (1 - x.weight) + cam[at + 1]! * x.weight;
      const below = cam[at + CAM_SIDE]! * (1 - x.weight) + cam[at + CAM_SIDE + 1]! * x.weight;
      out[row * REGION_SIDE + col] = above * (1 - y.weight) + below * y.weight;
    });
  });
  return out;
}

const STRONGEST_ALPHA = 160;

/** Yellow through red over 0..maximum. */
function heat(map: Float32Array): Uint8Array {
  const maximum = map.reduce((a, b) => Math.max(a, b), 0);
  const rgba = new Uint8Array(map.length * 4);
  map.forEach((value, i) => {
    const strength = maximum > 0 ? Math.max(value, 0) / maximum : 0;
    rgba.set([255, Math.round(220 * (1 - strength)), 0, Math.round(STRONGEST_ALPHA * strength)], i * 4);
  });
  return rgba;
}
