import assert from 'node:assert/strict';
import { type Contrast, contrastOf } from '../../agent/read/contrast.js';
import { attributesOf, type RoutingHeader } from '../../agent/route/attributes.js';

const T2: RoutingHeader = {
  modality: 'MR',
  seriesDescription: null,
  studyDescription: null,
  protocolName: null,
  bodyPartExamined: null,
  imageType: ['ORIGINAL', 'PRIMARY', 'M', 'SE'],
  imageOrientationPatient: null,
  echoTime: 100,
  repetitionTime: 3500,
  inversionTime: null,
  scanningSequence: ['SE'],
};

/** Series descriptions and image types as scanners and technologists write them. */
const ROWS: readonly (readonly [description: string, header: Partial<RoutingHeader>, contrast: Contrast])[] =
  [
    ['t2_tse_sag_320', {}, 'T2'],
    ['SAG T2 FRFSE', {}, 'T2'],
    ['sT2W_TSE', {}, 'T2'],
    ['t2_tse_fs_sag', {}, 'T2-FS'],
    ['SAG T2 FS', {}, 'T2-FS'],
    ['Sag T2 FatSat', {}, 'T2-FS'],
    ['T2 FAT SAT SAG', {}, 'T2-FS'],
    ['T2W_SPAIR_SAG', {}, 'T2-FS'],
    ['T2 TSE SAG', { scanOptions: ['PFP', 'FS'] }, 'T2-FS'],
    ['t2_tse_sag_fettsat', {}, 'T2-FS'],
    ['t2_tse_dixon_sag_W', {}, 'T2-WATER'],
    ['t2_tse_dixon_sag_F', {}, 'T2-FAT'],
    ['t2_tse_dixon_sag_in', {}, 'T2-IN-PHASE'],
    ['t2_tse_dixon_sag_opp', {}, 'T2-OPPOSED-PHASE'],
    ['WATER: Sag T2 FSE Flex', {}, 'T2-WATER'],
    ['FAT: Sag T2 FSE Flex', {}, 'T2-FAT'],
    ['InPhase: Sag T2 FSE Flex', {}, 'T2-IN-PHASE'],
    ['T2W_mDIXON_SAG', { imageType: ['DERIVED', 'PRIMARY', 'W', 'W', 'DERIVED'] }, 'T2-WATER'],
    ['T2W_mDIXON_SAG', { imageType: ['DERIVED', 'PRIMARY', 'IP', 'IP', 'DERIVED'] }, 'T2-IN-PHASE'],
    ['T2 TSE DIXON SAG', { imageType: ['DERIVED', 'PRIMARY', 'DIXON', 'FAT'] }, 'T2-FAT'],
    ['T1 TSE SAG FS', { echoTime: 12, repetitionTime: 600 }, 'T1'],
    ['STIR SAG', {}, 'STIR'],
    ['ep2d_diff', {}, 'OTHER'],
  ];

describe('the contrast of a series, for choosing among several', () => {
  for (const [seriesDescription, header, contrast] of ROWS)
    it(`${seriesDescription} ${JSON.stringify(header)}: ${contrast}`, () =>
      assert.equal(
        contrastOf({ ...attributesOf({ ...T2, seriesDescription, ...header }, 'MR1') }),
        contrast,
      ));
});
