import { resolve } from 'node:path';
import cliProgress from 'cli-progress';
import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { isLevel, LEVELS, type Level } from '../../agent/domain/levels.js';
import type { PhantomOptions, PhantomTruth } from '../../models/phantom/phantom.js';

interface Options {
  readonly out: string;
  readonly seed: number;
  readonly calcified?: Level[];
  readonly degenerate?: Level[];
  readonly herniated?: Level[];
  readonly gas?: Level[];
  readonly patientId?: string;
  readonly mrDate: string;
  readonly ctDate: string;
  readonly curvature?: number | true;
  readonly scoliosis?: number | true;
  readonly tilt?: number | true;
  readonly noise?: number | true;
  readonly size?: number;
  readonly ctSpacing: number;
  readonly ctSlice: number;
  readonly ctSlope: number;
  readonly ctIntercept: number;
  readonly ctSigned?: boolean;
  readonly ctBits: number;
  readonly ctTilt: number;
  readonly ctNoRescale?: boolean;
  readonly ctNoise?: number;
  readonly ctKernel?: string;
  readonly ctSharpen?: number;
  readonly ctContrast?: 'intravenous' | 'intrathecal';
  readonly mrSlices: number;
  readonly mrGap: number;
  readonly mrMatrix: number;
  readonly mrFov: number;
  readonly mrOblique: number;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command('phantom')
    .summary('draw an invented patient: a paired lumbar MR and CT with known truth')
    .description(
      'Writes DIR/mr (sagittal T2), DIR/ct (axial) and DIR/truth.json of one invented spine. The same options give\n' +
        'the same bytes. What no option says is drawn from the seed: shape, wear, habitus, soft herniations.',
    )
    .requiredOption('--out <dir>', 'gets mr/, ct/ and truth.json')
    .option('--seed <n>', 'which patient', number, 1)
    .option('--calcified <levels>', 'calcified herniations, for example L4-L5,L5-S1', levels)
    .option('--herniated <levels>', 'the soft herniations beside them; "none" for none (else drawn)', levels)
    .option(
      '--degenerate <levels>',
      'narrow, dark discs with osteophytes; "none" for none (else drawn)',
      levels,
    )
    .option('--gas <levels>', 'discs with a vacuum cleft', levels)
    .option('--patient-id <id>', 'Patient ID (PHANTOM and the seed)')
    .option('--mr-date <yyyymmdd>', 'acquisition date of the MR', '20240110')
    .option('--ct-date <yyyymmdd>', 'acquisition date of the CT', '20240120')
    .option('--curvature [factor]', 'lordosis: 1 is usual, alone 1.4 (else drawn)', number)
    .option('--scoliosis [mm]', 'height of a sideways bow, alone 12', number)
    .option('--tilt [degrees]', 'the patient lies askew, alone 6', number)
    .option('--noise [factor]', 'multiplies the noise, alone 2.5', number)
    .option('--size <factor>', '1 is an adult of middle size (else drawn)', number)
    .option('--mr-slices <n>', 'number of MR slices', number, 15)
    .option('--mr-gap <mm>', 'from slice to slice', number, 4.4)
    .option('--mr-matrix <n>', 'rows and columns', number, 448)
    .option('--mr-fov <mm>', 'field of view', number, 300)
    .option('--mr-oblique <degrees>', 'slices turned about the long axis', number, 0)
    .option('--ct-spacing <mm>', 'CT pixel spacing', number, 1)
    .option('--ct-slice <mm>', 'CT slice thickness and distance', number, 1.5)
    .option('--ct-slope <x>', 'rescale slope', number, 1)
    .option('--ct-intercept <hu>', 'rescale intercept', number, -1024)
    .option('--ct-signed', 'signed stored values')
    .option('--ct-bits <n>', 'bits stored, 12 or 16', number, 16)
    .option('--ct-tilt <degrees>', 'tilt of the gantry', number, 0)
    .option('--ct-noise <factor>', "multiplies the CT's noise alone", number)
    .option('--ct-kernel <name>', 'ConvolutionKernel; empty leaves it out (else B30)')
    .option('--ct-sharpen <amount>', 'edges enhanced as by a sharp kernel: 1.2 as by one for bone', number)
    .option('--ct-contrast <where>', 'contrast agent: intravenous or intrathecal')
    .option('--ct-no-rescale', 'a defective CT without rescale slope and intercept, to see it refused')
    .option('--json', 'print truth.json on stdout')
    .addHelpText(
      'after',
      '\nExample:\n  calcidisc phantom --out ./phantom --seed 7 --calcified L4-L5,L5-S1\n',
    )
    .action(run);
}

async function run(options: Options, command: Command): Promise<void> {
  // Loaded here: the other commands need no phantom.
  const { writePhantom } = await import('../../models/phantom/phantom.js');
  const bar = process.stderr.isTTY
    ? new cliProgress.SingleBar({ format: '{modality} {bar} {value}/{total}' })
    : null;
  bar?.start(1, 0, { modality: 'MR' });
  const truth = await writePhantom({
    ...phantomOptions(options),
    onProgress: ({ modality, written, total }) => {
      bar?.setTotal(total);
      bar?.update(written, { modality });
    },
  })
    .catch((thrown: unknown) => {
      if (thrown instanceof z.ZodError) return command.error(`calcidisc: ${z.prettifyError(thrown)}`);
      throw thrown;
    })
    .finally(() => bar?.stop());
  console.log(options.json ? JSON.stringify(truth, null, 1) : summary(truth, options.out));
}

function phantomOptions(options: Options): PhantomOptions {
  const { seed, calcified = [], degenerate, herniated, patientId, mrDate, ctDate, size } = options;
  return {
    outDir: resolve(options.out),
    seed,
    calcified,
    mrDate,
    ctDate,
    ...(degenerate && { degenerate }),
    ...(herniated && { herniated }),
    ...(patientId !== undefined && { patientId }),
    ...(size !== undefined && { size }),
    ...(options.curvature !== undefined && { curvature: orAlone(options.curvature, 1.4) }),
    ...(options.scoliosis !== undefined && { scoliosisMm: orAlone(options.scoliosis, 12) }),
    ...(options.tilt !== undefined && { tiltDeg: orAlone(options.tilt, 6) }),
    ...(options.noise !== undefined && { noise: orAlone(options.noise, 2.5) }),
    mr: {
      slices: options.mrSlices,
      gapMm: options.mrGap,
      matrix: options.mrMatrix,
      fieldOfViewMm: options.mrFov,
      obliqueDeg: options.mrOblique,
    },
    ct: {
      spacingMm: options.ctSpacing,
      sliceMm: options.ctSlice,
      slope: options.ctSlope,
      intercept: options.ctIntercept,
      signed: options.ctSigned ?? false,
      bitsStored: options.ctBits as 12 | 16,
      gantryTiltDeg: options.ctTilt,
      omitRescale: options.ctNoRescale ?? false,
      gas: options.gas ?? [],
      ...(options.ctNoise !== undefined && { noise: options.ctNoise }),
      ...(options.ctKernel !== undefined && { kernel: options.ctKernel }),
      ...(options.ctSharpen !== undefined && { sharpen: options.ctSharpen }),
      ...(options.ctContrast !== undefined && { contrast: options.ctContrast }),
    },
  };
}

/** An option given without a value. */
function orAlone(value: number | true, alone: number): number {
  return value === true ? alone : value;
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('not a number');
  return value;
}

function levels(text: string): Level[] {
  if (text === 'none') return [];
  const names = text.split(',').map((name) => name.trim());
  const wrong = names.find((name) => !isLevel(name));
  if (wrong !== undefined) throw new InvalidArgumentError(`${wrong} is none of ${LEVELS.join(', ')}`);
  return names as Level[];
}

function summary({ patientId, mr, ct }: PhantomTruth, out: string): string {
  const rows = LEVELS.map((level) => {
    const { calcified, meanHu, areaMm2 } = ct.discs[level];
    const { herniated, degenerate } = mr.discs[level];
    const traits = [herniated && 'herniated', degenerate && 'worn'].filter(Boolean).join(', ');
    const says = calcified
      ? `calcified, ${meanHu.toFixed(0)} HU, ${areaMm2.toFixed(0)} mm2`
      : 'not calcified';
    return `  ${level}  ${says.padEnd(28)} ${traits}`;
  });
  return [`Patient ${patientId} in ${out}: ${mr.slices.length} MR slices and a CT`, ...rows].join('\n');
}
