"""The moving average of weights that a training may validate and export."""
import pytest
import torch

from calcidisc_training.common.average import Average


def test_it_follows_the_weights_and_forgets_the_start_soon() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1))
    average = Average(model, 0.9)
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[1].running_mean.fill_(3.0)
        model[1].num_batches_tracked.fill_(7)
    average.update(model, 0)
    start = average.model[0].weight.clone()
    assert not torch.equal(start, model[0].weight), 'one step is no copy'
    for step in range(1, 200):
        average.update(model, step)
    assert torch.allclose(average.model[0].weight, model[0].weight, atol=1e-4)
    assert average.model[1].running_mean.item() == pytest.approx(3.0, abs=1e-3)
    assert average.model[1].num_batches_tracked.item() == 7
    assert not average.model.training
