import assert from 'node:assert/strict';
import { type Contrast, contrastOf } from '../../agent/read/contrast.js';

const T2 = { weighting: 'T2', ImageType: ['ORIGINAL', 'PRIMARY', 'M', 'SE'], ProtocolName: '' };

/** Series descriptions and image types as scanners and technologists write them. */
const ROWS: readonly (readonly [description: string, attributes: object, contrast: Contrast])[] = [
  ['t2_tse_sag_320', {}, 'T2'],
  ['SAG T2 FRFSE', {}, 'T2'],
  ['sT2W_TSE', {}, 'T2'],
  ['t2_tse_fs_sag', {}, 'T2-FS'],
  ['SAG T2 FS', {}, 'T2-FS'],
  ['Sag T2 FatSat', {}, 'T2-FS'],
  ['T2 FAT SAT SAG', {}, 'T2-FS'],
  ['T2W_SPAIR_SAG', {}, 'T2-FS'],
  ['T2 TSE SAG', { ScanOptions: ['PFP', 'FS'] }, 'T2-FS'],
  ['t2_tse_sag_fettsat', {}, 'T2-FS'],
  ['t2_tse_dixon_sag_W', {}, 'T2-WATER'],
  ['t2_tse_dixon_sag_F', {}, 'T2-FAT'],
  ['t2_tse_dixon_sag_in', {}, 'T2-IN-PHASE'],
  ['t2_tse_dixon_sag_opp', {}, 'T2-OPPOSED-PHASE'],
  ['WATER: Sag T2 FSE Flex', {}, 'T2-WATER'],
  ['FAT: Sag T2 FSE Flex', {}, 'T2-FAT'],
  ['InPhase: Sag T2 FSE Flex', {}, 'T2-IN-PHASE'],
  ['T2W_mDIXON_SAG', { ImageType: ['DERIVED', 'PRIMARY', 'W', 'W', 'DERIVED'] }, 'T2-WATER'],
  ['T2W_mDIXON_SAG', { ImageType: ['DERIVED', 'PRIMARY', 'IP', 'IP', 'DERIVED'] }, 'T2-IN-PHASE'],
  ['T2 TSE DIXON SAG', { ImageType: ['DERIVED', 'PRIMARY', 'DIXON', 'FAT'] }, 'T2-FAT'],
  ['T1 TSE SAG FS', { weighting: 'T1' }, 'T1'],
  ['STIR SAG', { weighting: 'STIR' }, 'STIR'],
  ['ep2d_diff', { weighting: 'DWI' }, 'OTHER'],
];

describe('the contrast of a series, for choosing among several', () => {
  for (const [SeriesDescription, attributes, contrast] of ROWS)
    it(`${SeriesDescription} ${JSON.stringify(attributes)}: ${contrast}`, () =>
      assert.equal(contrastOf({ ...T2, SeriesDescription, ...attributes }), contrast));
});
