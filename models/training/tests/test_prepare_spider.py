"""SPIDER's volumes become slices head up, face to the left, whatever way their axes run."""
import os
import zlib

import numpy as np
import pytest
from PIL import Image

from calcidisc_training.spine.prepare_spider import main, read_mha

HEADS = {'along': (np.eye(3), (0, 1, 2)), 'turned': (np.array([[0, 1, 0], [0, 0, -1], [-1, 0, 0]]), (1, 2, 0))}


def write_mha(path, body, directions, order, spacing):
    """`body` [x, y, z] in LPS; stored along `directions`, which `order` says by axis."""
    stored = body.transpose(order)
    for axis in range(3):
        if directions[axis].sum() < 0:
            stored = np.flip(stored, axis)
    data = np.ascontiguousarray(stored.transpose(2, 1, 0)).astype('<i2').tobytes()
    lines = ['ObjectType = Image', 'NDims = 3', 'BinaryData = True', 'BinaryDataByteOrderMSB = False', 'CompressedData = True',
             'TransformMatrix = ' + ' '.join(str(n) for n in directions.ravel()),
             'ElementSpacing = ' + ' '.join(str(spacing[a]) for a in order),
             'DimSize = ' + ' '.join(str(n) for n in stored.shape), 'ElementType = MET_SHORT', 'ElementDataFile = LOCAL']
    with open(path, 'wb') as file:
        file.write('\n'.join(lines).encode() + b'\n' + zlib.compress(data))


@pytest.mark.parametrize('head', HEADS)
def test_face_left_head_up(tmp_path, monkeypatch, head):
    directions, order = HEADS[head]
    size, spacing = (6, 40, 60), (0.9, 0.94, 0.94)
    image, mask = np.zeros(size), np.zeros(size, int)
    image[:, :10, 40:] = 1000            # in front and towards the head (LPS: small y, large z)
    mask[2:5, 20:30, 5:55] = 100         # the canal, in three slices
    mask[3, 12:18, 10:14], mask[3, 12:18, 20:30] = 201, 1
    for kind, body in (('images', image), ('masks', mask)):
        os.makedirs(tmp_path / kind)
        write_mha(tmp_path / kind / '7_t2_SPACE.mha', body, directions, order, spacing)
    argv = ['prepare', '--images', f'{tmp_path}/images', '--masks', f'{tmp_path}/masks', '--out', f'{tmp_path}/out']
    monkeypatch.setattr('sys.argv', argv)
    main()
    names = sorted(os.listdir(tmp_path / 'out/images'))
    assert names == [f'7_t2_SPACE_slice{n}.png' for n in (2, 3, 4)]
    picture = np.array(Image.open(tmp_path / 'out/images' / names[1]))
    assert picture.shape == (120, 80)
    assert picture[5, 5] == 255 and picture[5, 60] == 0 and picture[110, 5] == 0
    assert set(np.unique(Image.open(tmp_path / 'out/masks' / names[1]))) == {0, 29, 76, 150}


def test_what_is_no_metaimage_is_named(tmp_path):
    path = tmp_path / 'x.mha'
    path.write_bytes(b'PNG')
    with pytest.raises(ValueError, match='x.mha is no MetaImage'):
        read_mha(path)
