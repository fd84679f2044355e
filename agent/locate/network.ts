import { InferenceSession, Tensor } from 'onnxruntime-node';
import { usableCores } from '../../config/cores.js';
import type { LocaliserCard, LocaliserModel } from '../../models/catalogue/localiser.js';
import { type DiscShareAt, type LevelsAt, outputsOf, readOutputs } from './logits.js';
import { type Grid, percentiles, rescale } from './resample.js';

/** What the network says of one picture, on its own grid of `spacingMm`. */
export interface Marked {
  readonly rows: number;
  readonly columns: number;
  readonly spacingMm: number;
  /** Network pixels per picture pixel is 1 / scale: index in the picture = (index here + 0.5) * scale - 0.5. */
  readonly rowScale: number;
  readonly colScale: number;
  /** The likeliest tissue of each pixel. */
  readonly tissue: Uint8Array;
  readonly discShareAt: DiscShareAt;
  readonly levelsAt: LevelsAt;
  /** The picture itself on that grid, in its own values. */
  readonly shown: Grid;
}

/** A picture with its pixel size, [row, column] in mm. */
export interface Picture extends Grid {
  readonly spacingMm: readonly [row: number, col: number];
}

/** Pictures of one run may have different sizes; the smaller are padded. More at once are no faster, and need room. */
const BATCH = 2;

export class Network {
  /** The last run's, while no other one has it: megabytes anew for each would have the collector at work all the time. */
  #room: Float32Array | null = null;

  private constructor(
    private readonly session: InferenceSession,
    private readonly card: LocaliserCard,
  ) {}

  static async open({ bytes, card }: LocaliserModel): Promise<Network> {
    const session = await InferenceSession.create(bytes, {
      intraOpNumThreads: Math.min(4, usableCores()),
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      // Threads that spin while they wait take the cores from whatever else runs: half as much work again.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
    });
    return new Network(session, card);
  }

  /** Of its pixels. */
  get spacingMm(): number {
    return this.card.input.spacingMm;
  }

  /** @param windowHu for CT: values are clamped to the card's window first */
  async mark(pictures: readonly Picture[], modality: 'MR' | 'CT'): Promise<readonly Marked[]> {
    const marked: Marked[] = [];
    for (let i = 0; i < pictures.length; i += BATCH) {
      const batch = pictures.slice(i, i + BATCH).map((picture) => this.prepare(picture, modality));
      marked.push(...(await this.run(batch)));
    }
    return marked;
  }

  async close(): Promise<void> {
    await this.session.release();
  }

  private prepare(picture: Picture, modality: 'MR' | 'CT'): Prepared {
    const { spacingMm, normalisation } = this.card.input;
    const rowScale = spacingMm / picture.spacingMm[0];
    const colScale = spacingMm / picture.spacingMm[1];
    const grid = rescale(picture, rowScale, colScale);
    const windowed = modality === 'CT' ? clamped(grid.pixels, ...normalisation.ctWindowHu) : grid.pixels;
    const [low, high] = percentiles(windowed, [normalisation.low, normalisation.high]) as [number, number];
    return { shown: grid, windowed, low, high, rowScale, colScale };
  }

  private takeRoom(length: number): Float32Array {
    const room = this.#room;
    this.#room = null;
    return room && room.length >= length ? room : new Float32Array(length);
  }

  private async run(batch: readonly Prepared[]): Promise<Marked[]> {
    const { multipleOf, normalisation, spacingMm, name } = this.card.input;
    const up = (n: number) => Math.ceil(n / multipleOf) * multipleOf;
    const height = up(Math.max(...batch.map(({ shown }) => shown.rows)));
    const width = up(Math.max(...batch.map(({ shown }) => shown.columns)));
    const length = batch.length * height * width;
    const room = this.takeRoom(length);
    const input = room.subarray(0, length);
    input.fill((0 - normalisation.mean) / normalisation.std);
    for (const [n, prepared] of batch.entries())
      normaliseInto(input, n * height * width, width, prepared, normalisation);
    const output = await this.session.run({
      [name]: new Tensor('float32', input, [batch.length, 1, height, width]),
    });
    this.#room = room;
    const marked = batch.map(({ shown, rowScale, colScale }, n) => {
      const own = outputsOf(output, this.card.marks, n, height, width);
      const { rows, columns } = shown;
      return { rows, columns, spacingMm, rowScale, colScale, shown, ...readOutputs(own, rows, columns) };
    });
    for (const tensor of Object.values(output)) tensor.dispose();
    return marked;
  }
}

interface Prepared {
  readonly shown: Grid;
  /** Its pixels, within the window of a CT. */
  readonly windowed: Float32Array;
  /** The percentiles that become 0 and 1. */
  readonly low: number;
  readonly high: number;
  readonly rowScale: number;
  readonly colScale: number;
}

/** @param from, width of the picture's place in the input */
function normaliseInto(
  input: Float32Array,
  from: number,
  width: number,
  { shown, windowed, low, high }: Prepared,
  { mean, std }: LocaliserCard['input']['normalisation'],
): void {
  const { rows, columns } = shown;
  const factor = 1 / Math.max(high - low, 1e-6);
  for (let row = 0, k = 0; row < rows; row++)
    for (let into = from + row * width, end = into + columns; into < end; into++, k++) {
      const unit = Math.min(1, Math.max(0, (windowed[k]! - low) * factor));
      input[into] = (unit - mean) / std;
    }
}

function clamped(values: Float32Array, floor: number, ceiling: number): Float32Array {
  const within = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) within[i] = Math.min(ceiling, Math.max(floor, values[i]!));
  return within;
}
