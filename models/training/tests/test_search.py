"""Hyper-parameter search, and training in two processes, on drawn patients."""
import json
import os
import socket
import subprocess
import sys

import pytest
from drawn import write_drawn_patients

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SMALL = ['--regions', '12', '--validation-regions', '4', '--workers', '1', '--threads', '1', '--no-bf16', '--every', '1']


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp('patients')
    write_drawn_patients(str(folder), (1, 2, 3, 4, 57))
    return str(folder)


def start(module, *arguments, **environment):
    command = [sys.executable, '-m', f'calcidisc_training.{module}', *arguments]
    return subprocess.Popen(command, cwd=HERE, env=dict(os.environ, **environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process):
    out, err = process.communicate()
    assert process.returncode == 0, err[-2000:]
    return out


def test_a_search_tabulates_every_combination_and_repeats_none(data, tmp_path) -> None:
    command = ['classifier.search', '--network', 'mobilevit_s', '--data', data, '--out', str(tmp_path), '--epochs', '1',
               '--optimiser', 'adam', 'sgd', '--size', '128', '--batch', '4', '--weights', 'none', '--', *SMALL]
    assert 'epoch 1 step' in finished(start(*command))
    with open(tmp_path / 'search.json', encoding='utf-8') as f:
        results = json.load(f)['results']
    assert {r['optimiser'] for r in results} == {'adam', 'sgd'} and results[0]['validationAuc'] >= results[1]['validationAuc']
    assert (tmp_path / 'search.md').read_text().count('| adam |') == 1
    again = finished(start(*command))
    assert 'epoch 1 step' not in again and 'trial 2 of 2' in again


def test_drawn_trials_are_distinct_and_the_same_for_the_same_seed() -> None:
    from calcidisc_training.classifier.search import arguments, combinations, name_of
    a, rest = arguments(['--data', 'd', '--out', 'o', '--trials', '7', '--', '--regions', '12'])
    names = [name_of(t) for t in combinations(a)]
    assert len(set(names)) == 7 and names == [name_of(t) for t in combinations(a)] and rest == ['--regions', '12']
    a.trials = None
    assert len(combinations(a)) == 2 * 3 * 5 * 2


def test_two_processes_train_one_network(data, tmp_path) -> None:
    """What torchrun starts. Seven pairs for two processes: neither may wait for a step that the other does not take."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = str(s.getsockname()[1])
    arguments = ['--network', 'mobilevit_s', '--data', data, '--out', str(tmp_path / 'run'), '--cache', str(tmp_path / 'cache'), '--weights', 'none',
                 '--epochs', '2', '--batch', '4', '--size', '128', *SMALL, '--regions', '14']
    both = [start('classifier.train_classifier', *arguments, MASTER_ADDR='127.0.0.1', MASTER_PORT=port, WORLD_SIZE='2', RANK=str(rank)) for rank in (0, 1)]
    first, second = (finished(process) for process in both)
    assert 'epoch 2 of 2' in first and 'epoch' not in second
    with open(tmp_path / 'run' / 'history.json', encoding='utf-8') as f:
        assert [e['epoch'] for e in json.load(f)['epochs']] == [1, 2]
