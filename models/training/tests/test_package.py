"""The package as it is laid out: rooms whose imports run one way, and every file it reads is installed with it."""
import re
from pathlib import Path

import calcidisc_training

ROOT = Path(calcidisc_training.__file__).parent
BELOW = {'spine': [], 'common': [], 'localiser': ['spine', 'common'], 'sets': ['spine', 'common'], 'classifier': ['spine', 'common', 'sets']}


def test_imports_between_rooms_run_one_way():
    for file in sorted(ROOT.glob('*/*.py')):
        room = file.parent.name
        used = set(re.findall(r'^\s*from \.\.(\w+)', file.read_text(encoding='utf-8'), re.M))
        assert used <= set(BELOW[room]), f'{room}/{file.name} imports {sorted(used - set(BELOW[room]))}'


def test_a_file_read_at_import_is_installed_with_the_package():
    told = (ROOT.parent / 'pyproject.toml').read_text(encoding='utf-8')
    for file in sorted(ROOT.glob('**/*.json')):
        room = '.'.join(file.parent.relative_to(ROOT.parent).parts)
        line = next((text for text in told.splitlines() if text.startswith(f'"{room}" = ')), '')
        assert f'"{file.name}"' in line, f'package-data leaves out {file.relative_to(ROOT)}'
