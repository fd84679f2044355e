import { anatomicalPlane, normalOf } from '../dicom/geometry.js';
import { byContrast, kindName } from '../dicom/pictureKind.js';
import { type Stack, stacksOf } from '../dicom/stacks.js';
import type { Series, SourceImage } from './series.js';

/**
 * The sagittal stack to read: of those that are no mere fragment the one of the best contrast (agent/dicom/
 * pictureKind.ts), then the largest; its notes say which that is. Or why there is none.
 */
export function sagittalStack(series: Series): Stack<SourceImage> | string {
  const stacks = stacksOf(series.images);
  if (stacks.length === 0) return 'no image of the series has a plane';
  const sagittal = stacks.filter(({ slices }) => anatomicalPlane(normalOf(slices[0]!.plane)) === 'SAGITTAL');
  if (sagittal.length === 0) {
    const seen = anatomicalPlane(normalOf(stacks[0]!.slices[0]!.plane)).toLowerCase();
    return `no sagittal slices: the series is ${seen}`;
  }
  const large = sagittal.filter(({ slices }) => slices.length * 2 >= sagittal[0]!.slices.length);
  const stack = large.toSorted((a, b) => byContrast(kindOf(a), kindOf(b)))[0]!;
  return { ...stack, notes: [...otherKinds(stack, large), ...stack.notes] };
}

function kindOf({ slices }: Stack<SourceImage>) {
  return slices[0]!.pictureKind ?? { type: [] };
}

function otherKinds(stack: Stack<SourceImage>, all: readonly Stack<SourceImage>[]): string[] {
  const read = kindName(kindOf(stack));
  const others = new Set(all.map((each) => kindName(kindOf(each))).filter((name) => name !== read));
  if (others.size === 0) return [];
  return [`of the kinds of pictures in the series ${read} is read, not ${[...others].join('; ')}`];
}
