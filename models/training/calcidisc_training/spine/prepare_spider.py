"""SPIDER as published (Zenodo 10159290: images/*.mha, masks/*.mha) into the slices that the study reads.

    python -m calcidisc_training.spine.prepare_spider --images DIR --masks DIR --out DIR

Takes the T2 SPACE volumes (N_t2_SPACE.mha); of each the sagittal slices whose mask shows the canal,
which are those near the midline, at 0.47 mm, head up and face to the left, 8-bit.
"""
import argparse
import os
import re
import sys
import zlib

import numpy as np
from PIL import Image

from .spacing import SOURCE_SPACING_MM

TYPES = {'MET_UCHAR': 'u1', 'MET_CHAR': 'i1', 'MET_SHORT': 'i2', 'MET_USHORT': 'u2', 'MET_INT': 'i4',
         'MET_UINT': 'u4', 'MET_FLOAT': 'f4', 'MET_DOUBLE': 'f8'}
CANAL, DISCS, VERTEBRAE = 100, range(201, 226), range(1, 26)
DISC_VALUE, VERTEBRA_VALUE, CANAL_VALUE = 29, 76, 150
MIN_CANAL_MM2 = 300


def read_mha(path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(voxels [i, j, k] in file order of axes, spacing mm [3], directions [3 axes, LPS]).

    Raises ValueError naming the file when it is no MetaImage of three axes.
    """
    with open(path, 'rb') as file:
        header = {}
        while 'ElementDataFile' not in header:
            key, _, value = file.readline(4096).decode('latin-1').partition('=')
            if not value:
                raise ValueError(f'{path} is no MetaImage (.mha)')
            header[key.strip()] = value.strip()
        data = file.read()
    if header['NDims'] != '3' or header['ElementDataFile'] != 'LOCAL' or header['ElementType'] not in TYPES:
        raise ValueError(f'{path}: three axes, one file and a plain number type are needed')
    if header.get('CompressedData', 'False') == 'True':
        data = zlib.decompress(data)
    order = '>' if header.get('BinaryDataByteOrderMSB', 'False') == 'True' else '<'
    size = [int(n) for n in header['DimSize'].split()]
    voxels = np.frombuffer(data, order + TYPES[header['ElementType']]).reshape(size[::-1]).transpose(2, 1, 0)

    def numbers(key, default) -> np.ndarray:
        return np.array([float(n) for n in header.get(key, default).split()])

    return voxels, numbers('ElementSpacing', '1 1 1'), numbers('TransformMatrix', '1 0 0 0 1 0 0 0 1').reshape(3, 3)


def sagittal(voxels, spacing, directions) -> tuple[np.ndarray, np.ndarray]:
    """Slices [S, rows head to foot, columns front to back], patient's right first; spacing of the three."""
    wanted = ((0, 1), (2, -1), (1, 1))           # LPS axis and sign: right to left, head to foot, front to back
    axes = [int(np.argmax(np.abs(directions[:, axis]))) for axis, _ in wanted]
    if sorted(axes) != [0, 1, 2]:
        raise ValueError('the volume lies askew: its axes are not those of the body')
    turned = voxels.transpose(axes)
    for place, (axis, sign) in enumerate(wanted):
        if directions[axes[place], axis] * sign < 0:
            turned = np.flip(turned, place)
    return turned, spacing[axes]


def grey(volume) -> np.ndarray:
    """8-bit: the darkest and the brightest half per cent of the volume are black and white."""
    low, high = np.percentile(volume, [0.5, 99.5])
    return np.uint8(np.clip((volume - low) / max(high - low, 1e-6), 0, 1) * 255 + 0.5)


def labels(mask) -> np.ndarray:
    """SPIDER's labels as the study's masks have them: discs, vertebrae and canal, not told apart."""
    out = np.zeros(mask.shape, np.uint8)
    out[np.isin(mask, VERTEBRAE)] = VERTEBRA_VALUE
    out[mask == CANAL] = CANAL_VALUE
    out[np.isin(mask, DISCS)] = DISC_VALUE
    return out


def prepare(image_path, mask_path, out) -> int:
    """Writes the slices of one volume. Returns how many."""
    image, spacing = sagittal(*read_mha(image_path))
    mask, _ = sagittal(*read_mha(mask_path))
    if image.shape != mask.shape:
        raise ValueError(f'{image_path} and its mask differ in size')
    image, mask = grey(image), labels(mask)
    rows, columns = (round(n * mm / SOURCE_SPACING_MM) for n, mm in zip(image.shape[1:], spacing[1:]))
    name, count = os.path.basename(image_path)[:-4], 0
    for number in range(len(image)):
        if (mask[number] == CANAL_VALUE).sum() * spacing[1] * spacing[2] < MIN_CANAL_MM2:
            continue
        for kind, pixels, how in (('images', image, Image.BILINEAR), ('masks', mask, Image.NEAREST)):
            picture = Image.fromarray(pixels[number]).resize((columns, rows), how)
            picture.save(os.path.join(out, kind, f'{name}_slice{number}.png'))
        count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for folder in ('images', 'masks', 'out'):
        parser.add_argument(f'--{folder}', required=True)
    args = parser.parse_args()
    names = sorted(n for n in os.listdir(args.images) if re.fullmatch(r'\d+_t2_SPACE\.mha', n))
    if not names:
        sys.exit(f'{args.images} has no N_t2_SPACE.mha: give the folder of the images of Zenodo 10159290')
    for kind in ('images', 'masks'):
        os.makedirs(os.path.join(args.out, kind), exist_ok=True)
    for at, name in enumerate(names, 1):
        count = prepare(os.path.join(args.images, name), os.path.join(args.masks, name), args.out)
        print(f'{at} of {len(names)}: {name}, {count} slices', file=sys.stderr, flush=True)


if __name__ == '__main__':
    main()
